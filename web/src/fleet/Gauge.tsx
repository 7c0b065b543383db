const RADIUS = 46;
const HALF = Math.PI * RADIUS;
const FULL = 1.5;

interface GaugeProps {
  name: string;
  value: string;
  unit: string;
  /** 1: exactly what was asked for. */
  share: number | null;
  /** Where it is expected to be. */
  predicted: number | null;
  bad: boolean;
  note: string;
}

/** Half a circle whose top right end is half as much again as was asked for; the mark stands where the objective is. */
export function Gauge({ name, value, unit, share, predicted, bad, note }: GaugeProps) {
  const part = (of: number) => Math.min(Math.max(of / FULL, 0), 1);
  return (
    <figure class="gauge">
      <svg viewBox="0 0 112 64" width="112" height="64" aria-hidden="true">
        <path d={arc(0, 1)} class="gauge-back" />
        {share !== null && (
          <path d={arc(0, 1)} class={`gauge-value ${bad ? 'bad' : ''}`} stroke-dasharray={`${part(share) * HALF} ${2 * HALF}`} />
        )}
        {share !== null && <path d={ray(1 / FULL, 8)} class="gauge-mark" />}
        {predicted !== null && predicted < FULL && share !== null && <path d={ray(part(predicted), 5)} class="gauge-predicted" />}
      </svg>
      <figcaption>
        <span class="gauge-name">{name}</span>
        <span class={`gauge-figure ${bad ? 'bad-text' : ''}`}>
          {value} <span class="unit">{unit}</span>
        </span>
        <span class={bad ? 'bad-text' : 'muted'}>{note}</span>
      </figcaption>
    </figure>
  );
}

function point(share: number, radius: number): string {
  const angle = Math.PI * (1 - share);
  return `${(56 + radius * Math.cos(angle)).toFixed(2)} ${(56 - radius * Math.sin(angle)).toFixed(2)}`;
}

function arc(from: number, to: number): string {
  return `M${point(from, RADIUS)} A${RADIUS} ${RADIUS} 0 0 1 ${point(to, RADIUS)}`;
}

function ray(share: number, length: number): string {
  return `M${point(share, RADIUS - length)} L${point(share, RADIUS + length)}`;
}
