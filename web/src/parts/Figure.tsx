interface FigureProps {
  name: string;
  value: string;
  unit?: string;
  tone?: string;
  children?: preact.ComponentChildren;
}

export function Figure({ name, value, unit = '', tone = '', children }: FigureProps) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <span class={`value ${tone}`}>{value}</span> <span class="unit">{unit}</span>
        <span class="note">{children}</span>
      </dd>
    </div>
  );
}

export function Meter({
  value,
  limit,
  small = false,
  warnAt = Infinity,
}: {
  value: number;
  limit: number;
  small?: boolean;
  warnAt?: number;
}) {
  const share = limit > 0 ? Math.min(value / limit, 1) : 0;
  return (
    <span class={`meter ${small ? 'small' : ''}`} aria-hidden="true">
      <span class={value > limit ? 'bad' : share > warnAt ? 'warn' : ''} style={{ width: `${share * 100}%` }} />
    </span>
  );
}
