export type Tone = 'good' | 'warn' | 'bad' | 'idle';

/** A coloured mark; always beside a word that says the same. */
export function Dot({ tone }: { tone: Tone }) {
  return <span class={`dot ${tone}`} aria-hidden="true" />;
}

export function toneOf(state: string): Tone {
  switch (state) {
    case 'running':
    case 'streaming':
    case 'ready':
    case 'up':
      return 'good';
    case 'failed':
    case 'lost':
    case 'refused':
      return 'bad';
    case 'connecting':
    case 'waiting':
    case 'starting':
    case 'draining':
    case 'applying':
    case 'degraded':
      return 'warn';
    default:
      return 'idle';
  }
}
