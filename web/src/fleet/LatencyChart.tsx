import { useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { axisOf, Plot } from '../parts/Plot';
import { Choice } from '../parts/Toggle';
import { ms } from '../format';
import { pastOf } from './past';
import type { FleetApplication } from './types';

type Span = '60' | '300' | '900';
const SPANS = [
  ['60', '1 min'],
  ['300', '5 min'],
  ['900', '15 min'],
] as const;
const HEIGHT = 200;
const SHORTEST_SECONDS = 60;
const LINES = [
  ['p50', 0],
  ['p95', 1],
  ['p99', 2],
] as const;

export function LatencyChart({ application }: { application: FleetApplication }) {
  const [span, setSpan] = useState<Span>('300');
  const past = pastOf(application.name);
  const now = past.times.at(-1) ?? Date.now() / 1000;
  const from = past.times.findIndex((time) => time >= now - Number(span));
  const asked = application.objective.latency_p95_ms;
  const times = past.times.slice(from);
  const data: uPlot.AlignedData = [
    times,
    past.p50.slice(from),
    past.p95.slice(from),
    past.p99.slice(from),
    ...(asked > 0 ? [times.map(() => asked)] : []),
  ];
  const last = (values: readonly (number | null)[]) => values.at(-1) ?? null;
  return (
    <section class="panel latency" aria-labelledby="latency-title">
      <div class="panel-head">
        <h2 id="latency-title">Latency</h2>
        <span class="muted">capture to sink, ms, since this page was opened</span>
        <span class="tools">
          <Choice label="Span of time" value={span} all={SPANS} set={setSpan} />
        </span>
      </div>
      <Plot
        data={data}
        name={`${application.name} ${asked} ${span}`}
        height={HEIGHT}
        label={`Latency of ${application.name} over the last ${Number(span) / 60} minutes; the figures follow`}
        options={(_, color) => options(color, asked, Number(span))}
      />
      <ul class="legend">
        {LINES.map(([line, color]) => (
          <li key={line}>
            <svg width="18" height="8" aria-hidden="true">
              <line x1="0" y1="4" x2="18" y2="4" class={`stroke-${color}`} stroke-width="2.5" />
            </svg>
            {line} <span class="strong">{ms(last(past[line]))}</span>
          </li>
        ))}
        {asked > 0 && (
          <li>
            <svg width="18" height="8" aria-hidden="true">
              <line x1="0" y1="4" x2="18" y2="4" class="stroke-asked" stroke-width="2" stroke-dasharray="4 3" />
            </svg>
            objective for p95 <span class="strong">{ms(asked)}</span>
          </li>
        )}
      </ul>
    </section>
  );
}

function options(color: (variable: string) => string, asked: number, span: number): uPlot.Options {
  const axis = axisOf(color);
  return {
    width: 0,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: {
      // Soon after the page was opened most of the span is unknown: a minute at least.
      x: { range: (_, min, max) => [Math.min(Math.max(min ?? 0, (max ?? 0) - span), (max ?? 0) - SHORTEST_SECONDS), max ?? 0] },
      y: { range: (_, __, max) => [0, Math.max(10, asked, max ?? 0) * 1.1] },
    },
    axes: [
      { ...axis, space: 70, values: '{HH}:{mm}:{ss}' },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      ...LINES.map(([label, number]): uPlot.Series => ({ label, stroke: color(`--series-${number}`), width: 2, points: { show: false } })),
      ...(asked > 0 ? [{ label: 'objective', stroke: color('--muted'), width: 1.5, dash: [6, 4], points: { show: false } }] : []),
    ],
  };
}
