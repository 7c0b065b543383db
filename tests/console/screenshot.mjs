// node screenshot.mjs URL OUT.png [--dark] [--width N] [--height N] [--full] [--wait MS] [--for SELECTOR]: a picture of the console's
// page, WAIT ms after SELECTOR (else: a live picture) is there. Those in docs/ are of fake_fleet.mjs, but for console.png.

import { openBrowser } from './browser.mjs';

const [url, out, ...rest] = process.argv.slice(2);
if (!url || !out) {
  console.error('usage: node screenshot.mjs URL OUT.png [--dark] [--width N] [--height N] [--full] [--wait MS] [--for SELECTOR]');
  process.exit(64);
}
const option = (name, fallback) => (rest.includes(name) ? Number(rest[rest.indexOf(name) + 1]) : fallback);
const awaited = rest.includes('--for') ? rest[rest.indexOf('--for') + 1] : '.tile canvas[data-sequence]';
const browser = await openBrowser();
try {
  const page = await browser.newPage({
    viewport: { width: option('--width', 1440), height: option('--height', 900) },
    colorScheme: rest.includes('--dark') ? 'dark' : 'light',
  });
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  await page.waitForSelector(awaited, { timeout: 15_000 }).catch(() => console.error(`no ${awaited} came in 15 s`));
  await page.waitForTimeout(option('--wait', 6000));
  await page.screenshot({ path: out, fullPage: rest.includes('--full') });
} finally {
  await browser.close();
}
