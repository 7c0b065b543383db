import type { ApiError } from '../api';

/** What went wrong in one line, and what to do about it. */
export function Problem({ error }: { error: ApiError }) {
  return (
    <p class="problem" role="alert">
      <span class="bad-text">{error.message}</span>
      {error.hint && <span class="muted"> ({error.hint})</span>}
    </p>
  );
}
