export type Tone = 'good' | 'warn' | 'bad' | 'idle';

/** A coloured mark; always beside a word that says the same. */
export function Dot({ tone }: { tone: Tone }) {
  return <span class={`dot ${tone}`} aria-hidden="true" />;
}

export function toneOf(state: string): Tone {
  switch (state) {
    case 'running':
    case 'streaming':
      return 'good';
    case 'failed':
      return 'bad';
    case 'connecting':
    case 'waiting':
    case 'starting':
    case 'draining':
      return 'warn';
    default:
      return 'idle';
  }
}
