/** The HTML report in a real browser: nothing runs, nothing is fetched, the broken hop is seen, and it can be read everywhere. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportHtml } from '../../src/ui/report-html.ts';
import { openChromium, type Chromium, type Page } from './chromium.ts';
import { brokenResult, HOSTILE, wellResult } from './findings.ts';

const pictures = fileURLToPath(new URL('output', import.meta.url));
const about = { version: '1.2.3', made: new Date('2026-01-02T03:04:05Z'), sandbox: true };

let chromium: Chromium;
let folder: string;
beforeAll(async () => {
  [chromium, folder] = await Promise.all([openChromium(), mkdtemp(join(tmpdir(), 'loki-eks-report-')), mkdir(pictures, { recursive: true })]);
});
afterAll(async () => {
  await chromium?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function open(name: string, html: string): Promise<Page> {
  const file = join(folder, `${name}.html`);
  await writeFile(file, html);
  return chromium.open(pathToFileURL(file).href);
}

/** Runs in the page: the ratio of contrast between every visible text and what is really behind it, where it is too small. */
const FAINT = `(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const lightness = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) { const colour = rgb(getComputedStyle(one).backgroundColor); if (colour.length === 3 || colour[3] > 0) return colour; }
    return [255, 255, 255];
  };
  const frame = (text) => {
    const { x, y, width, height } = text.getBoundingClientRect();
    const [left, top] = [x + width / 2, y + height / 2];
    const under = [...text.closest('svg').querySelectorAll('rect')].filter((rect) => { const box = rect.getBoundingClientRect(); return box.left <= left && box.top <= top && box.right >= left && box.bottom >= top; });
    return under.length > 0 ? rgb(getComputedStyle(under.at(-1)).fill) : behind(text.closest('svg').parentElement);
  };
  const bad = [];
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || element.getClientRects().length === 0 || element.tagName === 'title') continue;
    const svg = element.closest('svg') !== null;
    const [a, b] = [element instanceof SVGElement ? rgb(getComputedStyle(element).fill) : rgb(getComputedStyle(element).color), svg ? frame(element) : behind(element)].map(lightness);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(ratio.toFixed(2) + ' ' + element.textContent.slice(0, 40));
  }
  return bad;
})()`;

const looks = [
  { name: 'wide-light', width: 1400, dark: false },
  { name: 'wide-dark', width: 1400, dark: true },
  { name: 'phone-light', width: 400, dark: false },
  { name: 'phone-dark', width: 400, dark: true },
] as const;

describe('a log path that breaks, told by a hostile cluster', () => {
  let page: Page;
  beforeAll(async () => void (page = await open('broken', reportHtml(brokenResult, about))));

  it('runs no script, asks for nothing, and the console stays empty', async () => {
    expect(await page.evaluate('[typeof window.pwned, document.scripts.length, document.images.length]')).toEqual(['undefined', 0, 0]);
    expect(
      await page.evaluate(
        "[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes].map(({ name }) => name)).filter((name) => /^on|^src|^style$/.test(name))",
      ),
    ).toEqual([]);
    expect(page.requests).toEqual([]);
    expect(page.complaints).toEqual([]);
  });

  it('shows what was logged as text, without what would reorder it', async () => {
    const text = await page.evaluate<string>('document.body.textContent');
    expect(text).toContain('<script>window.pwned=1</script>');
    expect(HOSTILE).toMatch(/\u202e/);
    for (const steering of ['\u202e', '\u0007']) expect(text).not.toContain(steering);
  });

  it.each(looks)('$name: the broken hop is seen, nothing is cut off, every text has contrast', async ({ name, width, dark }) => {
    await page.look({ width, dark });
    const hop = await page.evaluate<Readonly<Record<string, unknown>>>(`(() => {
      const shown = [...document.querySelectorAll('.hop.root')].filter((one) => one.getBoundingClientRect().width > 0);
      const box = shown[0].getBoundingClientRect();
      return { shown: shown.length, left: box.left >= 0, right: box.right <= innerWidth, seen: box.width > 60 && box.height > 40, name: shown[0].getAttribute('aria-label'),
        tag: shown[0].querySelector('.tagged').textContent, stroke: getComputedStyle(shown[0].querySelector('.frame')).stroke };
    })()`);
    expect(hop).toMatchObject({ shown: 1, left: true, right: true, seen: true, tag: 'ROOT CAUSE', stroke: dark ? 'rgb(255, 141, 128)' : 'rgb(180, 35, 26)' });
    expect(hop['name']).toMatch(/^Log files: broken, the root cause\. DaemonSet alloy\/alloy reads/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(await page.evaluate(FAINT)).toEqual([]);
    // Every name is whole, and no word of the drawing stands outside of its box.
    expect(
      await page.evaluate(`[...document.querySelectorAll('.hop')].filter((one) => one.getBoundingClientRect().width > 0).filter((hop) => {
        const [frame, words, name] = [hop.querySelector('.frame'), hop.querySelector('.words'), hop.querySelector('b')].map((one) => one.getBoundingClientRect());
        return words.left < frame.left || words.right > frame.right || words.bottom > frame.bottom || name.bottom > words.bottom || hop.querySelector('.words').scrollHeight > hop.querySelector('.words').clientHeight + 1 || hop.querySelector('b').scrollWidth > hop.querySelector('b').clientWidth;
      }).map((hop) => hop.textContent)`),
    ).toEqual([]);
    await writeFile(join(pictures, `broken-${name}.png`), await page.picture());
  });

  it('says of each hop how it is: by words, by shape and by colour', async () => {
    await page.look({ width: 1400 });
    const told = await page.evaluate<readonly (readonly [string, string])[]>(
      "[...document.querySelectorAll('.wide .hop')].map((one) => [one.getAttribute('class'), one.getAttribute('aria-label').split(/[:.] /)[1]])",
    );
    expect(told).toHaveLength(brokenResult.hops.length);
    expect(told.filter(([name]) => name.startsWith('hop bad')).map(([name]) => name)).toEqual(['hop bad root', 'hop bad', 'hop bad consequence']);
    expect(new Set(told.map(([, words]) => words))).toEqual(
      new Set(['OK', 'warning', 'broken, the root cause', 'broken', 'broken, a likely symptom of the root cause', 'not checked']),
    );
  });

  it('is walked by keyboard: the first stop leads to the findings, each hop to what was seen there', async () => {
    await page.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent + getComputedStyle(document.activeElement).left')).toBe('Skip to findings16px');
    for (let hop = 0; hop < 9; hop += 1) await page.press('Tab');
    const outlined = await page.evaluate(
      "[document.activeElement.getAttribute('href'), getComputedStyle(document.activeElement.querySelector('.frame')).strokeWidth]",
    );
    expect(outlined).toEqual(['#hop-alloy-read', '4px']);
    await page.press('Enter');
    expect(await page.evaluate('location.hash + document.querySelector(":target").textContent.includes("broken")')).toBe('#hop-alloy-readtrue');
  });

  it('lets a fix be selected by one click', async () => {
    expect(await page.evaluate("getComputedStyle(document.querySelector('.card.root .fix')).userSelect")).toBe('all');
    expect(await page.evaluate("document.querySelector('.card.root .fix').textContent")).toBe(brokenResult.root.problem.fix);
  });
});

describe('a healthy log path', () => {
  it('is green all the way', async () => {
    const page = await open('well', reportHtml(wellResult, about));
    await page.look({ width: 1400 });
    expect(
      await page.evaluate(
        "[document.querySelector('h1').textContent, document.querySelectorAll('.wide .hop.good').length, document.querySelectorAll('.root, .card.root').length]",
      ),
    ).toEqual(['Logs flow end to end', 14, 0]);
    expect(page.complaints).toEqual([]);
    await writeFile(join(pictures, 'well-wide-light.png'), await page.picture());
  });
});
