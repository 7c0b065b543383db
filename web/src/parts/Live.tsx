import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Layers } from '../draw';
import { PictureFeed, type Sight } from '../pictures';
import { useRemembered, useStore } from '../store';
import type { StreamStatus, View } from '../types';
import { Enlarged } from './Enlarged';
import { Tile } from './Tile';
import { Toggle } from './Toggle';

type Show = (sight: Sight) => void;

/** Fewer pictures a second the more streams are shown: nobody follows forty at full rate, and phones are slow. */
function fpsFor(tiles: number): number {
  return tiles <= 4 ? 0 : tiles <= 12 ? 12 : 6;
}

export function Live() {
  const views = useStore((store) => store.views);
  const status = useStore((store) => store.status);
  const connection = useStore((store) => store.connection);
  const [layers, setLayers] = useRemembered<Layers>('layers', { boxes: true, traces: true, zones: true });
  const [enlarged, setEnlarged] = useState<string | null>(null);
  const [visible, setVisible] = useState<ReadonlySet<string>>(new Set());
  const [hidden, setHidden] = useState(document.hidden);
  const painters = useRef(new Map<string, Show>());
  const grid = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const changed = () => setHidden(document.hidden);
    document.addEventListener('visibilitychange', changed);
    return () => document.removeEventListener('visibilitychange', changed);
  }, []);

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== 'b' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target.matches('input, select, textarea')) return;
      setLayers({ ...layers, boxes: !layers.boxes });
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [layers]);

  // Only what is on the screen is fetched, over one connection.
  const wanted = useMemo(() => [...visible].sort(), [visible]);
  const wantedKey = enlarged || hidden ? '' : JSON.stringify(wanted);
  const fps = fpsFor(wanted.length);
  useEffect(() => {
    if (wantedKey === '' || wanted.length === 0) return;
    let feed: PictureFeed | null = null;
    const timer = setTimeout(() => {
      const width = Math.min(960, Math.ceil((wanted.length === 1 ? 960 : 480) * Math.min(window.devicePixelRatio || 1, 2)));
      feed = new PictureFeed({ views: wanted, width, fps, show: (sight) => painters.current.get(sight.view)?.(sight) });
    }, 150);
    return () => {
      clearTimeout(timer);
      feed?.close();
    };
  }, [wantedKey]);

  const register = useCallback((view: string, show: Show | null) => {
    if (show) painters.current.set(view, show);
    else painters.current.delete(view);
  }, []);
  const see = useCallback((view: string, seen: boolean) => {
    setVisible((before) => {
      if (before.has(view) === seen) return before;
      const after = new Set(before);
      if (seen) after.add(view);
      else after.delete(view);
      return after;
    });
  }, []);

  const states = new Map<string, StreamStatus>();
  for (const application of status?.applications ?? []) for (const stream of application.streams) states.set(stream.view, stream);
  const several = new Set(views.map((view) => view.application)).size > 1;

  return (
    <section id="live" class="panel live" aria-labelledby="live-title">
      <div class="panel-head">
        <h2 id="live-title">Live</h2>
        <span class="muted">{views.length > 0 && `${views.length} stream${views.length === 1 ? '' : 's'}`}</span>
        <span class="tools" role="group" aria-label="Drawn over the pictures">
          {(['boxes', 'traces', 'zones'] as const).map((layer) => (
            <Toggle key={layer} on={layers[layer]} set={(on) => setLayers({ ...layers, [layer]: on })}>
              {layer[0]?.toUpperCase() + layer.slice(1)}
            </Toggle>
          ))}
        </span>
      </div>
      {views.length === 0 ? (
        <Empty connected={connection === 'open'} waiting={states.size} />
      ) : (
        <div class="tiles" ref={grid} data-count={Math.min(views.length, 9)} onKeyDown={(event) => moveFocus(event, grid.current)}>
          {views.map((view) => (
            <Tile
              key={view.view}
              view={view}
              name={several ? view.view : view.stream}
              status={states.get(view.view)}
              layers={layers}
              register={register}
              see={see}
              open={() => setEnlarged(view.view)}
            />
          ))}
        </div>
      )}
      {enlarged && (
        <Enlarged
          view={views.find((view) => view.view === enlarged) ?? placeholder(enlarged)}
          layers={layers}
          setLayers={setLayers}
          close={() => setEnlarged(null)}
        />
      )}
    </section>
  );
}

function placeholder(view: string): View {
  const [application = '', stream = view] = view.split('/');
  return { view, application, stream, ended: true, observations: 0 };
}

function Empty({ connected, waiting }: { connected: boolean; waiting: number }) {
  if (!connected) return <p class="empty">Waiting for the console…</p>;
  if (waiting > 0) {
    return (
      <p class="empty">
        {waiting === 1 ? 'One stream is' : `${waiting} streams are`} known, but no picture has come yet. If this lasts, see its state
        under <a href="#streams">Streams</a>, and whether the application has a <code>console</code> sink.
      </p>
    );
  }
  return (
    <p class="empty">
      Nothing is running. Start an application: <code>vedette run apps/people.yaml --source street.mp4</code>
    </p>
  );
}

/** Arrow keys walk through the tiles as they lie on the screen; Home and End go to the first and last. */
function moveFocus(event: KeyboardEvent, grid: HTMLDivElement | null): void {
  const tiles = [...(grid?.querySelectorAll<HTMLButtonElement>('.tile') ?? [])];
  const at = tiles.indexOf(document.activeElement as HTMLButtonElement);
  if (at < 0) return;
  const top = tiles[0]?.offsetTop;
  const columns = Math.max(1, tiles.filter((tile) => tile.offsetTop === top).length);
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const step = steps[event.key];
  const to = event.key === 'Home' ? 0 : event.key === 'End' ? tiles.length - 1 : step === undefined ? at : at + step;
  if (to === at || !tiles[to]) return;
  event.preventDefault();
  tiles[to].focus();
}
