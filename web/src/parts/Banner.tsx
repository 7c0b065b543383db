import { useEffect, useState } from 'preact/hooks';
import { store, useStore } from '../store';

export function Banner() {
  const connection = useStore((from) => from.connection);
  const retryAt = useStore((from) => from.retryAt);
  const [, setNow] = useState(0);
  useEffect(() => {
    if (connection !== 'lost') return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [connection]);
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return (
    <div role="status" aria-live="polite">
      {connection === 'lost' && (
        <div class="banner">
          <span>
            <strong>The connection to Vedette is lost.</strong> What you see may be old.
            <span aria-hidden="true"> {seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again…'}</span>
          </span>
          <button type="button" onClick={() => store.connect()}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}
