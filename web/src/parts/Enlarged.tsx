import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Layers, Painter } from '../draw';
import { bytes, count, momentOf, span } from '../format';
import { frameAt, type KeptFrame, lineOf, type LogInfo, LogPlayer } from '../logs';
import { PictureFeed } from '../pictures';
import { windowOf } from '../timeline';
import type { View } from '../types';
import { type LogState, useLog } from '../useLog';
import { Timeline } from './Timeline';
import { Choice, Toggle } from './Toggle';
import { type Speed, Transport } from './Transport';

interface EnlargedProps {
  view: View;
  layers: Layers;
  setLayers: (layers: Layers) => void;
  close: () => void;
}

/** What is shown: null is live. `turn` tells one jump from another to the same time. */
interface Past {
  at: string;
  playing: boolean;
  turn: number;
}

const STEP_MS = 100;
/** So close to now the past is the present. */
const PRESENT_MS = 1500;
/** A frame so far from what was asked for is told. */
const FAR_MS = 2000;
const NOTE_MS = 8000;
const LENGTHS = [
  ['60000', '1 min'],
  ['600000', '10 min'],
  ['3600000', '1 h'],
  ['86400000', '1 d'],
  ['0', 'All'],
] as const;
type Length = (typeof LENGTHS)[number][0];

/** One stream as large as the window allows, at its full rate, live or as it was kept. Escape closes. */
export function Enlarged({ view, layers, setLayers, close }: EnlargedProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const current = useRef(layers);
  current.current = layers;
  const [drawnByServer, setDrawnByServer] = useState(false);
  const log = useLog(view.stream);
  const [past, setPast] = useState<Past | null>(null);
  const [speed, setSpeed] = useState<Speed>('1');
  const [shown, setShown] = useState(0);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [note, setNote] = useState('');
  const last = useRef({ time: '', told: 0 });
  /** While the bar is dragged: whether it was playing before. */
  const drag = useRef<{ resume: boolean } | null>(null);
  const now = useNow(log.ahead);
  const width = Math.min(1920, Math.ceil(window.innerWidth * (window.devicePixelRatio || 1)));

  useEffect(() => {
    dialog.current?.showModal();
    dialog.current?.focus(); // not its first button: space is for playing
    return () => dialog.current?.close();
  }, []);

  /** Tells of when the picture is, at most so many times a second. */
  const tell = useCallback((time: string, atOnce: boolean) => {
    last.current.time = time;
    if (!atOnce && Date.now() - last.current.told < STEP_MS) return;
    last.current.told = Date.now();
    setShown(Date.parse(time));
  }, []);

  useEffect(() => {
    if (!note) return;
    const timer = setTimeout(() => setNote(''), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note]);

  const live = past === null;
  useEffect(() => {
    if (!live || drawnByServer || !canvas.current) return;
    const painter = new Painter(canvas.current);
    const feed = new PictureFeed({
      views: [view.view],
      width,
      fps: 0,
      show: (sight) => {
        painter.draw(sight, current.current);
        if (canvas.current) canvas.current.dataset.time = sight.time;
        last.current.time = sight.time;
      },
    });
    return () => feed.close();
  }, [view.view, drawnByServer, live]);

  const goLive = useCallback(() => {
    setTrouble(null);
    setNote('');
    setPast(null);
  }, []);

  useEffect(() => {
    if (!past || !canvas.current) return;
    const painter = new Painter(canvas.current);
    const asked = Date.parse(past.at);
    const draw = (frame: KeptFrame, first: boolean) => {
      painter.draw({ view: view.view, ...frame, objects: [], zones: [] }, current.current);
      if (canvas.current) canvas.current.dataset.time = frame.time;
      tell(frame.time, first);
      const off = Date.parse(frame.time) - asked;
      if (first && off > FAR_MS) setNote(`nothing is kept at ${momentOf(asked)}; played from the next frame`);
      else if (first && off < -FAR_MS) setNote(`nothing is kept at ${momentOf(asked)}; shown is the frame before`);
      else if (frame.hole > 0) setNote(`${span(frame.hole)} without frames passed over`);
      else if (first) setNote('');
    };
    if (!past.playing) {
      const abort = new AbortController();
      frameAt(view.stream, past.at, width, abort.signal)
        .then((frame) => {
          if (!abort.signal.aborted) {
            setTrouble(null);
            draw(frame, true);
          }
          frame.picture.close();
        })
        .catch((error: unknown) => {
          if (!abort.signal.aborted) setTrouble(lineOf(error));
        });
      return () => abort.abort();
    }
    let first = true;
    const player = new LogPlayer({
      camera: view.stream,
      from: past.at,
      speed: Number(speed),
      width,
      trouble: setTrouble,
      show: (frame) => {
        draw(frame, first);
        first = false;
        if (frame.newest && Date.now() + log.ahead - Date.parse(frame.time) < PRESENT_MS) goLive();
      },
    });
    return () => player.close();
  }, [view.stream, past, speed]);

  const oldest = log.info?.oldest ? Date.parse(log.info.oldest) : null;
  const at = live ? now : shown;
  const go = (time: number, playing: boolean, scrub = false) => {
    if (oldest === null) return;
    setDrawnByServer(false);
    if (time >= Date.now() + log.ahead - PRESENT_MS && !scrub) return goLive();
    const to = Math.max(time, oldest);
    setShown(to);
    // The oldest frame is whichever that is when the request gets there.
    setPast((before) => ({ at: to === oldest ? 'start' : new Date(to).toISOString(), playing, turn: (before?.turn ?? 0) + 1 }));
  };
  const seek = (time: number, final: boolean) => {
    drag.current ??= { resume: past?.playing ?? true };
    go(time, final && drag.current.resume, !final);
    if (final) drag.current = null;
  };
  const setPlaying = (playing: boolean) => {
    if (oldest === null) return;
    setPast((before) => ({ at: last.current.time || new Date(at).toISOString(), playing, turn: (before?.turn ?? 0) + 1 }));
    if (live) setShown(Date.parse(last.current.time) || now);
    setDrawnByServer(false);
  };
  const step = (seconds: number) => go(at + seconds * 1000, past?.playing ?? true);

  const pressed = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (oldest === null || event.ctrlKey || event.metaKey || event.altKey || target.matches('input, select, textarea')) return;
    if (event.key === 'ArrowLeft') step(-10);
    else if (event.key === 'ArrowRight') live || step(10);
    else if (event.key === 'Home') go(oldest, past?.playing ?? true);
    else if (event.key === 'End') goLive();
    else if (event.key === ' ' && !target.matches('button')) setPlaying(!(past?.playing ?? true));
    else return;
    event.preventDefault();
  };
  // On the window: what had the focus may have gone with the change between live and past.
  const press = useRef(pressed);
  press.current = pressed;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => press.current(event);
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);

  const ratio = `${view.width ?? 16} / ${view.height ?? 9}`;
  const path = view.view.split('/').map(encodeURIComponent).join('/');
  return (
    <dialog
      ref={dialog}
      class={log.info ? 'enlarged logged' : 'enlarged'}
      aria-label={view.stream}
      tabIndex={-1}
      onClose={close}
      onClick={(event) => {
        // A button that was pressed with the pointer does not take the space bar from then on.
        if (event.detail > 0 && (event.target as HTMLElement).closest('button')) dialog.current?.focus();
      }}
    >
      <div class="panel-head">
        <h2>{view.stream}</h2>
        <span class="muted">{view.width ? `${view.width} × ${view.height}` : ''}</span>
        <span class="tools">
          {live ? (
            <>
              <Toggle on={layers.boxes} set={(boxes) => setLayers({ ...layers, boxes })}>
                Boxes
              </Toggle>
              <Toggle on={drawnByServer} set={setDrawnByServer}>
                Draw on the server
              </Toggle>
            </>
          ) : (
            <span class="muted back wide-only">Back in time: pictures alone, as they were kept</span>
          )}
          <button type="button" class="quiet" onClick={() => dialog.current?.close()} aria-label="Close">
            ✕
          </button>
        </span>
      </div>
      <div class="stage" style={{ aspectRatio: ratio, '--ratio': ratio }}>
        {live && drawnByServer ? (
          <img src={`/live/${path}.mjpeg${layers.boxes ? '?boxes=1' : ''}`} alt={`${view.stream}, live`} />
        ) : (
          <canvas
            ref={canvas}
            width="16"
            height="9"
            role="img"
            aria-label={`${view.stream}, ${live ? 'live' : momentOf(shown)}`}
          />
        )}
      </div>
      {log.info ? (
        <Controls info={log.info} log={log} now={now} at={at} live={live} seek={seek} note={trouble ? '' : note} trouble={trouble}>
          <Transport
            live={live}
            playing={past?.playing ?? true}
            speed={speed}
            shown={at}
            now={now}
            setPlaying={setPlaying}
            setSpeed={(next) => {
              if (past?.playing) setPast({ at: last.current.time || past.at, playing: true, turn: past.turn + 1 });
              setSpeed(next);
            }}
            step={step}
            goLive={goLive}
          />
        </Controls>
      ) : (
        <p class="no-log muted" role="status">
          {log.none && (
            <>
              No frames of this camera are kept here: to go back in time, give its application a <code>log</code> module.
            </>
          )}
          {log.failure && `What is kept of this camera cannot be told: ${log.failure}`}
        </p>
      )}
    </dialog>
  );
}

interface ControlsProps {
  info: LogInfo;
  log: LogState;
  now: number;
  at: number;
  live: boolean;
  seek: (time: number, last: boolean) => void;
  note: string;
  trouble: string | null;
  children: preact.ComponentChildren;
}

function Controls({ info, log, now, at, live, seek, note, trouble, children }: ControlsProps) {
  const [chosen, setLength] = useState<Length | null>(null);
  if (!info.oldest) return <p class="no-log muted">Nothing is kept of this camera yet.</p>;
  const oldest = Date.parse(info.oldest);
  const all = now - oldest;
  const lengths = LENGTHS.filter(([ms]) => Number(ms) < all);
  const length = chosen ?? (all > 3 * 3_600_000 ? '3600000' : '0');
  return (
    <div class="controls">
      <Timeline info={info} events={log.events} window={windowOf(oldest, now, Number(length), at)} shown={at} live={live} seek={seek} />
      <div class="control-row">
        {children}
        {lengths.length > 1 && <Choice label="Length of the bar" value={length} all={lengths} set={setLength} />}
      </div>
      <p class="log-note" role="status">
        {trouble ? (
          <span class="bad-text">Not to be played: {trouble}</span>
        ) : log.failure ? (
          <span class="bad-text">What is kept cannot be told: {log.failure}</span>
        ) : info.trouble ? (
          <span class="bad-text">Not written to the disk at present: {info.trouble}</span>
        ) : (
          <span class="muted">{note || kept(info, all)}</span>
        )}
      </p>
    </div>
  );
}

function kept(info: LogInfo, all: number): string {
  const where = info.on_disk ? `${bytes(info.disk_bytes)} on disk` : `${bytes(info.memory_bytes)} of memory, not on disk`;
  const lost = info.lost_frames > 0 ? `, ${count(info.lost_frames)} lost before they were written` : '';
  const bad = info.bad_files > 0 ? `, ${count(info.bad_files)} files cannot be read` : '';
  return `${count(info.frames)} frames of the last ${span(all / 1000)} are kept, ${where}${lost}${bad}`;
}

/** The console's time, twice a second. */
function useNow(ahead: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 500);
    return () => window.clearInterval(timer);
  }, []);
  return now + ahead;
}
