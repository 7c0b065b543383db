import { defineConfig } from 'vite';

// `npm run dev` talks to a console that runs on its usual port.
const proxy = Object.fromEntries(
  ['/api', '/live', '/metrics', '/health'].map((path) => [path, { target: 'http://127.0.0.1:8080', changeOrigin: true }]),
);

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: { proxy },
});
