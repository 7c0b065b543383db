import { useStore } from '../store';
import { Applications } from './Applications';
import { Banner } from './Banner';
import { Events } from './Events';
import { Header } from './Header';
import { Live } from './Live';
import { Modules } from './Modules';
import { Streams } from './Streams';
import { Zones } from './Zones';

export function App() {
  const status = useStore((store) => store.status);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the cameras
      </a>
      <Header />
      <Banner />
      <main id="main" tabIndex={-1}>
        {status && status.applications.length > 0 && <Applications applications={status.applications} />}
        <Live />
        <Events />
        <Zones />
        <Modules />
        <Streams />
      </main>
      <footer>
        {status && (
          <p>
            Vedette {status.version} · <a href="/metrics">metrics</a> · <a href="/health/ready">health</a> ·{' '}
            <a href="/api/openapi.json">interface</a>
          </p>
        )}
      </footer>
    </>
  );
}
