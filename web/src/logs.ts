// What a camera's log keeps, and its frames: one at a time, or played at their pace. See /api/openapi.json.

import { MultipartReader, type Part } from './multipart';

export interface LogSpan {
  begin: string;
  end: string;
  frames: number;
}

export interface LogInfo {
  camera: string;
  /** The console's clock when it answered. */
  time: string;
  oldest: string | null;
  newest: string | null;
  frames: number;
  memory_bytes: number;
  on_disk: boolean;
  disk_bytes: number;
  lost_frames: number;
  bad_files: number;
  /** Why nothing is written to the disk at present. */
  trouble: string | null;
  /** Oldest first; what lies between two is a hole. */
  spans: LogSpan[];
}

/** A frame as it was kept: without what was found in it. */
export interface KeptFrame {
  /** As the console writes it, to the microsecond: what the same frame is asked for by. */
  time: string;
  sequence: number;
  width: number;
  height: number;
  /** Seconds without frames before it. */
  hole: number;
  /** There is none after it yet. */
  newest: boolean;
  picture: ImageBitmap;
}

export const logPath = (camera: string) => `/api/logs/${camera.split('/').map(encodeURIComponent).join('/')}`;

/** The newest frame at `at` or before it. Throws an Error with one line; the caller closes the picture. */
export async function frameAt(camera: string, at: string, width: number, signal: AbortSignal): Promise<KeptFrame> {
  const query = new URLSearchParams({ at, width: String(width) });
  const response = await fetch(`${logPath(camera)}/frame.jpg?${query}`, { signal, cache: 'no-store' });
  if (!response.ok) throw new Error(await refusal(response));
  return kept((name) => response.headers.get(name), await response.blob());
}

/** What went wrong with a request, in one line. A TypeError is fetch's way to say that nobody answered. */
export function lineOf(error: unknown): string {
  return error instanceof TypeError ? 'no answer' : error instanceof Error ? error.message : String(error);
}

async function refusal(response: Response): Promise<string> {
  try {
    const { error } = (await response.json()) as { error: { message: string; hint: string } };
    return error.hint ? `${error.message} (${error.hint})` : error.message;
  } catch {
    return `the console answered ${response.status}`;
  }
}

async function kept(header: (name: string) => string | null, body: Blob): Promise<KeptFrame> {
  const picture = await createImageBitmap(body);
  const [width = 0, height = 0] = (header('x-vedette-size') ?? '').split('x').map(Number);
  return {
    time: header('x-vedette-time') ?? '',
    sequence: Number(header('x-vedette-sequence')),
    width: width || picture.width,
    height: height || picture.height,
    hole: Number(header('x-vedette-hole') ?? 0),
    newest: header('x-vedette-live') === '1',
    picture,
  };
}

export interface PlayerOptions {
  camera: string;
  /** A time, or "now". */
  from: string;
  speed: number;
  width: number;
  show: (frame: KeptFrame) => void;
  /** One line when it cannot go on for now; null when it does again. */
  trouble: (line: string | null) => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

/** Plays a log until closed; goes on where it was when the connection breaks. Superseded pictures are not decoded. */
export class LogPlayer {
  private readonly abort = new AbortController();
  private waiting: Part | null = null;
  private decoding = false;
  private from: string;
  private retryMs = FIRST_RETRY_MS;

  constructor(private readonly options: PlayerOptions) {
    this.from = options.from;
    void this.run();
  }

  close(): void {
    this.abort.abort();
    this.waiting = null;
  }

  private async run(): Promise<void> {
    const { camera, speed, width, trouble } = this.options;
    const signal = this.abort.signal;
    while (!signal.aborted) {
      try {
        const query = new URLSearchParams({ from: this.from, speed: String(speed), width: String(width) });
        const response = await fetch(`${logPath(camera)}/play?${query}`, { signal, cache: 'no-store' });
        if (!response.ok || !response.body) throw new Error(await refusal(response));
        await this.read(response.body);
        throw new Error('the log has ended, or Vedette has stopped');
      } catch (error) {
        if (signal.aborted) return;
        trouble(lineOf(error));
      }
      await new Promise((resolve) => setTimeout(resolve, this.retryMs * (0.75 + Math.random() / 2)));
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.getReader();
    const parts = new MultipartReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.abort.signal.aborted) return;
      for (const part of parts.push(value)) {
        if (part.headers.get('content-type')?.startsWith('text/')) throw new Error(new TextDecoder().decode(part.body));
        this.retryMs = FIRST_RETRY_MS;
        if (this.decoding) this.waiting = part;
        else void this.decode(part);
      }
    }
  }

  private async decode(first: Part): Promise<void> {
    this.decoding = true;
    for (let part: Part | null = first; part && !this.abort.signal.aborted; ) {
      const { headers, body } = part;
      try {
        const frame = await kept((name) => headers.get(name) ?? null, new Blob([body], { type: 'image/jpeg' }));
        if (!this.abort.signal.aborted) {
          this.from = frame.time;
          this.options.trouble(null);
          this.options.show(frame);
        }
        frame.picture.close();
      } catch {
        // A picture that does not decode is skipped like one that was superseded.
      }
      part = this.waiting;
      this.waiting = null;
    }
    this.decoding = false;
  }
}
