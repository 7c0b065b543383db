import { useEffect } from 'preact/hooks';
import { store, useStore } from '../store';
import { Applications } from './Applications';
import { Events } from './Events';
import { Live } from './Live';
import { Modules } from './Modules';
import { Streams } from './Streams';
import { Zones } from './Zones';

/** What runs in this very process. */
export function LivePage() {
  const status = useStore((from) => from.status);
  useEffect(() => store.start(), []);
  return (
    <main id="main" tabIndex={-1} class="page live-page">
      {status && status.applications.length > 0 && <Applications applications={status.applications} />}
      <Live />
      <Events />
      <Zones />
      <Modules />
      <Streams />
    </main>
  );
}
