// What the tests of the page share: pages of their own storage in which no script may fail.

import assert from 'node:assert/strict';

/** Runs `check` in a fresh page of `url`; a script error or a breach of the content security policy fails it. */
export async function withPage(browser, url, check, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const failures = [];
  page.on('pageerror', (error) => failures.push(String(error)));
  page.on('console', (message) => message.text().includes('Content Security Policy') && failures.push(message.text()));
  try {
    await page.goto(url, { waitUntil: 'domcontentloaded' });
    await check(page);
    assert.deepEqual(failures, [], 'no script error and no breach of the content security policy');
  } finally {
    await context.close();
  }
}

/** Texts whose contrast is below WCAG AA. `but`: a selector of what is looked at elsewhere. */
export function poorContrast(page, but) {
  return page.evaluate((passed) => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const rgb = (color) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return canvas.getImageData(0, 0, 1, 1).data;
    };
    const luminance = (color) => {
      const [r, g, b] = [...color].slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = rgb(getComputedStyle(at).backgroundColor);
        if (color[3] === 255) return color;
      }
      return rgb('white');
    };
    return [...document.querySelectorAll('body *')]
      .filter(
        (one) =>
          [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && one.checkVisibility() && !one.closest(passed),
      )
      .map((one) => {
        const style = getComputedStyle(one);
        const ink = one instanceof SVGElement ? style.fill : style.color;
        const [a, b] = [luminance(rgb(ink)), luminance(ground(one))].sort((x, y) => y - x);
        return { text: one.textContent.slice(0, 30), ratio: (a + 0.05) / (b + 0.05) };
      })
      .filter(({ ratio }) => ratio < 4.5);
  }, but);
}
