import { useEffect, useRef, useState } from 'preact/hooks';
import { type Layers, Painter } from '../draw';
import { PictureFeed } from '../pictures';
import type { View } from '../types';
import { Toggle } from './Toggle';

interface EnlargedProps {
  view: View;
  layers: Layers;
  setLayers: (layers: Layers) => void;
  close: () => void;
}

/** One stream as large as the window allows, at its full rate. Escape closes. */
export function Enlarged({ view, layers, setLayers, close }: EnlargedProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const current = useRef(layers);
  current.current = layers;
  const [drawnByServer, setDrawnByServer] = useState(false);

  useEffect(() => {
    dialog.current?.showModal();
    return () => dialog.current?.close();
  }, []);

  useEffect(() => {
    if (drawnByServer || !canvas.current) return;
    const painter = new Painter(canvas.current);
    const width = Math.min(1920, Math.ceil(window.innerWidth * (window.devicePixelRatio || 1)));
    const feed = new PictureFeed({ views: [view.view], width, fps: 0, show: (sight) => painter.draw(sight, current.current) });
    return () => feed.close();
  }, [view.view, drawnByServer]);

  const ratio = `${view.width ?? 16} / ${view.height ?? 9}`;
  const path = view.view.split('/').map(encodeURIComponent).join('/');
  return (
    <dialog ref={dialog} class="enlarged" aria-label={view.stream} onClose={close}>
      <div class="panel-head">
        <h2>{view.stream}</h2>
        <span class="muted">{view.width ? `${view.width} × ${view.height}` : ''}</span>
        <span class="tools">
          <Toggle on={layers.boxes} set={(boxes) => setLayers({ ...layers, boxes })}>
            Boxes
          </Toggle>
          <Toggle on={drawnByServer} set={setDrawnByServer}>
            Draw on the server
          </Toggle>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()} aria-label="Close">
            ✕
          </button>
        </span>
      </div>
      <div class="stage" style={{ aspectRatio: ratio, '--ratio': ratio }}>
        {drawnByServer ? (
          <img src={`/live/${path}.mjpeg${layers.boxes ? '?boxes=1' : ''}`} alt={`${view.stream}, live`} />
        ) : (
          <canvas ref={canvas} width="16" height="9" role="img" aria-label={`${view.stream}, live`} />
        )}
      </div>
    </dialog>
  );
}
