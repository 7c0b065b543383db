// Requests to the HTTP interface. What goes wrong is an ApiError: one line and, mostly, a hint.

const TIMEOUT_MS = 15_000;

export class ApiError extends Error {
  constructor(
    /** 0: no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

type Refused = () => void;
let refused: Refused = () => undefined;

/** `then` is called when a request was answered 401. */
export function onRefused(then: Refused): void {
  refused = then;
}

interface ErrorBody {
  error?: { code?: string; message?: string; hint?: string };
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Sends `body` as it is and returns the JSON of the answer. Throws ApiError. */
export async function api<T>(method: Method, path: string, body?: string, type = 'application/json'): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      // Forms of other sites cannot send this header.
      headers: { ...(method === 'GET' ? {} : { 'X-Vedette': '1' }), ...(body === undefined ? {} : { 'Content-Type': type }) },
      ...(body === undefined ? {} : { body }),
    });
    text = await response.text();
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    throw new ApiError(0, 'unavailable', late ? `no answer within ${TIMEOUT_MS / 1000} s` : 'no answer', 'is Vedette still running?');
  }
  if (response.ok) {
    if (text.trim() === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new ApiError(response.status, 'invalid_data', `${path} answered something that is not JSON`, '');
    }
  }
  const error = errorOf(text);
  if (response.status === 401 && path !== '/api/login') refused();
  throw new ApiError(response.status, error.code ?? 'internal', error.message ?? `${path} answered ${response.status}`, error.hint ?? '');
}

function errorOf(text: string): NonNullable<ErrorBody['error']> {
  try {
    return (JSON.parse(text) as ErrorBody | null)?.error ?? {};
  } catch {
    return {};
  }
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, 'internal', error instanceof Error ? error.message : String(error), '');
}
