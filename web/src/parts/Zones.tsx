import { useMemo, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { HISTORY_SECONDS, type Line } from '../history';
import { useRemembered, useStore } from '../store';
import { axisOf, Plot } from './Plot';
import { Choice, Select } from './Toggle';

type Kind = 'inside' | 'crossings';
type Span = '60' | '300' | '900';
const KINDS = [
  ['inside', 'Inside'],
  ['crossings', 'Crossings'],
] as const;
const SPANS = [
  ['60', '1 min'],
  ['300', '5 min'],
  ['900', '15 min'],
] as const;
const MOST_LINES = 12;
const HEIGHT = 220;
const SHORTEST_SECONDS = 60;

export function Zones() {
  const zones = useStore((store) => store.zones);
  const [kind, setKind] = useRemembered<Kind>('zones.kind', 'inside');
  const [span, setSpan] = useRemembered<Span>('zones.span', '300');
  const [view, setView] = useState('');
  const all = [...zones.lines.values()];
  const views = [...new Set(all.map((line) => line.view))].sort();
  const matching = all.filter((line) => (line.kind === 'inside') === (kind === 'inside') && (!view || line.view === view));
  // With many, those that hold most now; in a steady order, so that colours stay.
  const lines = [...matching]
    .sort((a, b) => (b.now ?? 0) - (a.now ?? 0) || a.key.localeCompare(b.key))
    .slice(0, matching.length > MOST_LINES ? MOST_LINES : undefined)
    .sort((a, b) => a.key.localeCompare(b.key));
  const name = (line: Line) => {
    const stream = line.view.slice(line.view.indexOf('/') + 1);
    const way = line.kind === 'inside' ? '' : ` ${line.kind}`;
    return `${views.length > 1 && !view ? `${stream} · ` : ''}${line.zone} · ${line.label}${way}`;
  };
  return (
    <section id="zones" class="panel zones" aria-labelledby="zones-title">
      <div class="panel-head">
        <h2 id="zones-title">Zones</h2>
        <span class="tools">
          {views.length > 1 && <Select label="Stream" every="All streams" value={view} all={views} set={setView} />}
          <Choice label="What is counted" value={kind} all={KINDS} set={setKind} />
          <Choice label="Span of time" value={span} all={SPANS} set={setSpan} />
        </span>
      </div>
      {lines.length === 0 ? (
        <p class="empty">
          {all.length > 0 ? (
            'Nothing of this kind has been counted yet.'
          ) : (
            <>
              No counts yet. Give the application a <code>roi</code> module with zones to see how many are in each over time.
            </>
          )}
        </p>
      ) : (
        <>
          <Chart lines={lines} names={lines.map(name)} end={zones.end} seconds={Number(span)} />
          {matching.length > lines.length && (
            <p class="note muted">The {lines.length} fullest of {matching.length}. Choose a stream to see its others.</p>
          )}
        </>
      )}
    </section>
  );
}

interface ChartProps {
  lines: Line[];
  names: string[];
  end: number;
  seconds: number;
}

function Chart({ lines, names, end, seconds }: ChartProps) {
  const key = JSON.stringify(lines.map((line) => line.key));
  const data = useMemo<uPlot.AlignedData>(() => {
    // Soon after the start most of the span is unknown: begin where something is, with a minute at least.
    const known = lines.map((line) => line.values.findIndex((value) => value !== null)).filter((at) => at >= 0);
    const from = Math.max(HISTORY_SECONDS - seconds, Math.min(...known, HISTORY_SECONDS - SHORTEST_SECONDS));
    const times = Array.from({ length: HISTORY_SECONDS - from }, (_, i) => end - HISTORY_SECONDS + from + 1 + i);
    return [times, ...lines.map((line) => line.values.slice(from))];
  }, [end, seconds, key, lines]);

  return (
    <>
      <Plot
        data={data}
        name={key}
        height={HEIGHT}
        label={`Counts over the last ${seconds / 60} minutes; the figures follow`}
        options={(_, color) => options(color, names)}
      />
      <ul class="legend">
        {lines.map((line, i) => (
          <li key={line.key}>
            <svg width="18" height="8" aria-hidden="true">
              <line x1="0" y1="4" x2="18" y2="4" class={`stroke-${i % 8}`} stroke-width="2.5" stroke-dasharray={i >= 8 ? '4 3' : undefined} />
            </svg>
            {names[i]} <span class="strong">{line.now ?? '–'}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function options(color: (variable: string) => string, names: string[]): uPlot.Options {
  const axis = axisOf(color);
  return {
    width: 0,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(4, Math.ceil((max ?? 0) * 1.1))] } },
    axes: [
      { ...axis, space: 70, values: '{HH}:{mm}:{ss}' },
      { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
    ],
    series: [
      {},
      ...names.map((name, i): uPlot.Series => {
        const dash = i >= 8 ? { dash: [4, 3] } : {};
        const stepped = uPlot.paths.stepped?.({ align: 1 });
        return {
          label: name,
          stroke: color(`--series-${i % 8}`),
          width: 2,
          points: { show: false },
          ...(stepped ? { paths: stepped } : {}),
          ...dash,
        };
      }),
    ],
  };
}
