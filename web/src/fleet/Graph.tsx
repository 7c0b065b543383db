import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { toneOf } from '../parts/Dot';
import { bytes, msOf, plural, rate } from '../format';
import { grouped, type Picture, type PictureEdge, type PictureNode } from './grouped';
import { layOut, type Way } from './layout';
import type { Graph as GraphData } from './types';

const WIDTH = 168;
const HEIGHT = 92;
const PAD = 10;
const NARROW = 620;
const SMALLEST_SCALE = 0.64;

/** Colours of machines, by their order in this graph. */
export function machinesOf(graph: GraphData): Map<string, number> {
  const names = [...graph.sources.map((source) => source.node), ...graph.modules.flatMap((module) => module.nodes)];
  return new Map([...new Set(names.filter(Boolean))].map((name, i) => [name, i % 8]));
}

export function Graph({ graph, application }: { graph: GraphData; application: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => setRoom(entry?.contentRect.width ?? 0));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const picture = grouped(graph);
  const shape = JSON.stringify([picture.nodes.map(({ id }) => id), picture.edges.map(({ from, to }) => [from, to])]);
  const narrow = room > 0 && room < NARROW;
  const laid = useMemo(
    () =>
      layOut(
        picture.nodes.map(({ id }) => id),
        picture.edges,
        { direction: narrow ? 'down' : 'right', width: WIDTH, height: HEIGHT, gapAlong: narrow ? 62 : 100, gapAcross: narrow ? 14 : 22 },
      ),
    [shape, narrow],
  );
  const machines = machinesOf(graph);
  const [width, height] = [laid.width + 2 * PAD, laid.height + 2 * PAD];
  const scale = room > 0 ? Math.min(1, Math.max(room / width, SMALLEST_SCALE)) : 1;
  return (
    <>
      <div
        class="graph"
        ref={box}
        tabIndex={0}
        role="group"
        aria-label={`Graph of ${application}; the table of modules has the same figures`}
      >
        {room > 0 && (
          <svg
            width={width * scale}
            height={height * scale}
            viewBox={`${-PAD} ${-PAD} ${width} ${height}`}
            data-direction={narrow ? 'down' : 'right'}
          >
            {picture.edges.map((edge, i) => {
              const way = laid.ways[i];
              return way && <EdgeLine key={`${edge.from} ${edge.to}`} edge={edge} way={way} narrow={narrow} />;
            })}
            {picture.nodes.map((node) => {
              const place = laid.boxes.get(node.id);
              return place && <NodeBox key={node.id} node={node} x={place.x} y={place.y} machines={machines} />;
            })}
            {picture.edges.map((edge, i) => {
              const way = laid.ways[i];
              return way && <EdgeText key={`${edge.from} ${edge.to}`} edge={edge} way={way} narrow={narrow} />;
            })}
          </svg>
        )}
      </div>
      <Legend machines={machines} picture={picture} />
    </>
  );
}

function Legend({ machines, picture }: { machines: Map<string, number>; picture: Picture }) {
  return (
    <ul class="legend">
      {[...machines].map(([name, color]) => (
        <li key={name}>
          <span class={`swatch fill-${color}`} aria-hidden="true" /> {name}
        </li>
      ))}
      {picture.edges.some((edge) => edge.link) && (
        <li class="muted">
          <svg width="26" height="8" aria-hidden="true">
            <line x1="0" y1="4" x2="26" y2="4" class="edge link" />
          </svg>
          over a link
        </li>
      )}
      {picture.nodes.some((node) => node.users.length > 1) && (
        <li class="muted">
          <svg width="18" height="10" aria-hidden="true">
            <Rings x={6} y={5} />
          </svg>
          shared, with how many users
        </li>
      )}
    </ul>
  );
}

function Rings({ x, y }: { x: number; y: number }) {
  return (
    <g class="rings">
      <circle cx={x} cy={y} r="4" />
      <circle cx={x + 6} cy={y} r="4" />
    </g>
  );
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function NodeBox({ node, x, y, machines }: { node: PictureNode; x: number; y: number; machines: Map<string, number> }) {
  const tone = node.errors > 0 ? 'bad' : node.state ? toneOf(node.state) : '';
  const full = node.capacity > 0 ? Math.min(node.depth / node.capacity, 1) : 0;
  const shared = node.users.length > 1;
  const [machine = ''] = node.nodes;
  const where = node.nodes.length > 1 ? `${cut(machine, 12)} + ${node.nodes.length - 1}` : cut(machine || 'nowhere', 18);
  const lines = [
    `${node.name}${node.type && node.type !== node.name ? ` (${node.type})` : ''}`,
    `on ${node.nodes.join(', ') || 'no node'}`,
    shared ? `used by ${node.users.join(', ')}` : '',
    node.source ? node.state : `queue ${node.depth} of ${node.capacity}`,
    node.problem,
  ];
  const used = node.nodes.length > 1 ? node.nodes : [machine];
  return (
    <g class={`box ${tone}`} transform={`translate(${x} ${y})`} data-id={node.id} data-kind={node.source ? 'source' : 'module'}>
      <title>{lines.filter(Boolean).join('\n')}</title>
      <rect class="card-rect" width={WIDTH} height={HEIGHT} rx="8" />
      {used.slice(0, 6).map((name, i) => (
        <rect
          key={name}
          class={machines.has(name) ? `fill-${machines.get(name)}` : 'fill-none'}
          x="0"
          y={8 + ((HEIGHT - 16) / Math.min(used.length, 6)) * i}
          width="4"
          height={(HEIGHT - 16) / Math.min(used.length, 6)}
        />
      ))}
      <text class="box-name" x="14" y="21">
        {cut(node.name, shared ? 15 : 19)}
      </text>
      {shared && (
        <>
          <Rings x={WIDTH - 36} y={17} />
          <text class="box-shared" x={WIDTH - 10} y="21" text-anchor="end">
            {node.users.length}
          </text>
        </>
      )}
      <text class="box-muted" x="14" y="38">
        {cut(node.source ? node.kind : node.type, 22)}
      </text>
      <text class="box-text" x="14" y="57">
        {where}
      </text>
      <text class="box-text" x="14" y="76">
        {rate(node.fps)}/s
      </text>
      <text class={node.errors > 0 ? 'box-bad' : 'box-text'} x={WIDTH - 10} y="76" text-anchor="end">
        {node.errors > 0 ? plural(node.errors, 'error') : node.source ? node.state : `${msOf(node.execution, node.execution.p95)} ms`}
      </text>
      {!node.source && (
        <>
          <rect class="queue-back" x="14" y={HEIGHT - 9} width={WIDTH - 24} height="3" rx="1.5" />
          <rect class={full > 0.8 ? 'queue-full' : 'queue'} x="14" y={HEIGHT - 9} width={(WIDTH - 24) * full} height="3" rx="1.5" />
        </>
      )}
    </g>
  );
}

function EdgeLine({ edge, way, narrow }: { edge: PictureEdge; way: Way; narrow: boolean }) {
  return <path class={`edge ${edge.link ? 'link' : ''}`} d={curve(way.points, narrow)} data-from={edge.from} data-to={edge.to} />;
}

/** Where an edge is by itself: on its way past other boxes, or in the gap at the height of that end which it does not share. */
function labelPlace(edge: PictureEdge, way: Way, narrow: boolean): [number, number] | null {
  const middle = Math.floor((way.points.length - 1) / 2);
  const [a, b] = [way.points[middle], way.points[middle + 1]];
  if (!a || !b) return null;
  const place: [number, number] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  if (way.points.length > 2 || edge.fans === edge.joins) return place;
  const own = edge.joins ? a : b;
  return narrow ? [own[0], place[1]] : [place[0] + (edge.joins ? 10 : -10), own[1]];
}

function EdgeText({ edge, way, narrow }: { edge: PictureEdge; way: Way; narrow: boolean }) {
  const place = labelPlace(edge, way, narrow);
  if (!place) return null;
  const [x, y] = place;
  const late = `${msOf(edge.latency, edge.latency.p95)} ms`;
  const size = edge.bytes > 0 ? `${bytes(edge.bytes)}/s` : '';
  const rows = narrow
    ? [[`${rate(edge.fps)}/s`, late].join(' · '), size].filter(Boolean)
    : [`${rate(edge.fps)}/s`, late, size].filter(Boolean);
  return (
    <g class="edge-label" data-link={edge.link}>
      <title>{`${edge.fromName} → ${edge.toName}: ${rate(edge.fps)} a second, 95 % within ${late}${edge.link ? `, from ${edge.fromNode} to ${edge.toNode}` : ''}`}</title>
      {rows.map((row, i) => (
        <text
          key={i}
          x={x}
          y={y + (narrow ? (i - rows.length / 2) * 14 + 11 : i === 0 ? -6 : 1 + 14 * i)}
          text-anchor="middle"
          class={i === 0 ? 'edge-rate' : ''}
        >
          {row}
        </text>
      ))}
    </g>
  );
}

function curve(points: readonly [number, number][], narrow: boolean): string {
  const [first] = points;
  if (!first) return '';
  let path = `M${first[0]} ${first[1]}`;
  for (let i = 1; i < points.length; ++i) {
    const [a, b] = [points[i - 1], points[i]];
    if (!a || !b) continue;
    const bend = narrow ? (b[1] - a[1]) / 2 : (b[0] - a[0]) / 2;
    path += narrow
      ? ` C${a[0]} ${a[1] + bend} ${b[0]} ${b[1] - bend} ${b[0]} ${b[1]}`
      : ` C${a[0] + bend} ${a[1]} ${b[0] - bend} ${b[1]} ${b[0]} ${b[1]}`;
  }
  return path;
}
