import { useEffect, useRef, useState } from 'preact/hooks';
import { type Layers, Painter } from '../draw';
import type { Sight } from '../pictures';
import type { StreamStatus, View } from '../types';
import { Dot, toneOf } from './Dot';

interface TileProps {
  view: View;
  name: string;
  status: StreamStatus | undefined;
  layers: Layers;
  register: (view: string, show: ((sight: Sight) => void) | null) => void;
  see: (view: string, seen: boolean) => void;
  open: () => void;
}

export function Tile({ view, name, status, layers, register, see, open }: TileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const current = useRef(layers);
  current.current = layers;
  const [shown, setShown] = useState(false);

  useEffect(() => {
    if (!canvas.current || !button.current) return;
    const painter = new Painter(canvas.current);
    register(view.view, (sight) => {
      painter.draw(sight, current.current);
      setShown(true);
    });
    const observer = new IntersectionObserver(([entry]) => see(view.view, entry?.isIntersecting ?? false), { rootMargin: '100px' });
    observer.observe(button.current);
    return () => {
      observer.disconnect();
      register(view.view, null);
      see(view.view, false);
    };
  }, [view.view]);

  const state = view.ended ? 'ended' : (status?.state ?? 'streaming');
  return (
    <button
      type="button"
      class="tile"
      ref={button}
      data-view={view.view}
      onClick={open}
      aria-label={`${name}, ${state}. Enlarge`}
    >
      <canvas ref={canvas} width="16" height="9" style={{ aspectRatio: `${view.width ?? 16} / ${view.height ?? 9}` }} />
      {!shown && <span class="tile-wait">waiting for a picture</span>}
      <span class="tile-name">
        <Dot tone={toneOf(state)} />
        <span class="tile-text">{name}</span>
        <span class="tile-fps">{state === 'streaming' ? (status ? `${status.fps.toFixed(1)} fps` : '') : state}</span>
      </span>
    </button>
  );
}
