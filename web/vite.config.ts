import { defineConfig } from 'vite';

// `npm run dev` talks to a console that runs on its usual port.
const CONSOLE = 'http://127.0.0.1:8080';
const proxy = Object.fromEntries(
  ['/api', '/live', '/metrics', '/health'].map((path) => [path, { target: CONSOLE, changeOrigin: true, headers: { origin: CONSOLE } }]),
);

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: { proxy },
});
