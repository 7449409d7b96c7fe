/**
 * Draws the recorded events of a run (docs/install.jsonl) as an animated SVG of a terminal, with the renderer that drew them for the user.
 * Titles are those of today's source, so that the picture changes with the program; what was recorded otherwise stays as it was.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { animated } from './recording-svg.mjs';

const COLUMNS = 80;
const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** Seconds on the film: the command before it runs, the plan to be read, the end before it begins anew; a longer wait is cut to `wait`. */
const pace = { begin: 1.2, plan: 2.5, end: 6, wait: 0.8, step: 0.5 };

/** The SVG of `docs/install.jsonl`. */
export async function recording(root) {
  const lines = (await readFile(join(root, 'docs', 'install.jsonl'), 'utf8')).trim().split('\n');
  const program = await load(root);
  const events = lines.map((line) => retitled(JSON.parse(line), program));
  return animated(await frames(events, program), { columns: COLUMNS, rows: 27, title: 'loki-eks install' });
}

/** What stood on the screen when: `{ at, rows }`, in seconds of the film. */
async function frames(events, { tree, paint }) {
  const film = [];
  let [clock, at, text] = [Date.parse(events[0].time), 0, '$ npx loki-eks install --yes\n'];
  let live;
  const shoot = () => film.push({ at, rows: [...text.split('\n').slice(0, -1), ...(live ? live(SPINNER[film.length % SPINNER.length]).split('\n') : [])] });
  const stream = { columns: COLUMNS, rows: 27, isTTY: true, write: (more) => ((text += more), true) };
  globalThis[LIVE] = (picture) => {
    live = picture.draw;
    return {
      close: async () => {
        text += `${picture.final()}\n`;
        live = undefined;
      },
    };
  };
  const on = paint(true);
  const renderer = tree({ stdout: stream, stderr: stream, now: () => new Date(clock), paints: { stdout: on, stderr: on } });
  shoot();
  at = pace.begin;
  for (const event of events) {
    const gap = (Date.parse(event.time) - clock) / 1000;
    const shown = Math.min(gap, pace.wait);
    const steps = live ? Math.floor(shown / pace.step) : 0;
    const from = { clock, at };
    for (let step = 1; step <= steps; step++) {
      at = from.at + step * pace.step;
      clock = from.clock + ((step * pace.step) / shown) * gap * 1000;
      shoot();
    }
    at = from.at + shown;
    clock = Date.parse(event.time);
    renderer.sink(event);
    await settled();
    shoot();
    if (event.type === 'plan.finished') at += pace.plan;
  }
  await renderer.close();
  shoot();
  return { film, seconds: at + pace.end };
}

/** What the renderer has put off is done. */
async function settled() {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** An id that the source no longer has needs a new recording. */
function retitled(event, { titles }) {
  const fresh = (id) => {
    if (!titles.has(id)) throw new Error(`docs/install.jsonl names ${id}, which is gone from the source; run node scripts/record.mjs`);
    return titles.get(id);
  };
  const list = (all, key) => all.map((one) => ({ ...one, title: fresh(one[key]) }));
  switch (event.type) {
    case 'checks.started':
      return { ...event, checks: list(event.checks, 'id') };
    case 'check.finished':
      return { ...event, title: fresh(event.check) };
    case 'plan.finished':
      return { ...event, steps: list(event.steps, 'step') };
    case 'steps.started':
      return { ...event, steps: list(event.steps, 'id') };
    default:
      return event;
  }
}

const LIVE = Symbol.for('loki-eks.recording.live');

const ENTRY = `
import { everyStep } from './src/steps/index.ts';
import { checks } from './src/checks/index.ts';
import { verifyChecks as proofs } from './src/commands/verify/verify-checks.ts';
export { tree } from './src/ui/tree.ts';
export { paint } from './src/ui/colour.ts';
export const titles = new Map([...everyStep(), ...checks, ...Object.values(proofs)].map(({ id, title }) => [id, title]));
`;

/** The renderer without its terminal: instead of drawing by a timer it hands its picture over. */
const inHand = {
  name: 'in-hand',
  resolveId: (id) => (id === 'recording-entry.ts' ? join(inHand.root, id) : null),
  load: (id) => {
    if (id.endsWith('recording-entry.ts')) return ENTRY;
    if (id.endsWith('/src/ui/live.ts')) return `export const liveRegion = (_, picture) => globalThis[Symbol.for('loki-eks.recording.live')](picture);`;
    return null;
  },
};

/** Node 20 does not run TypeScript, so it is bundled first, beside node_modules so that packages are found. */
async function load(root) {
  const out = await mkdtemp(join(root, 'node_modules', '.recording-'));
  inHand.root = root;
  try {
    const bundle = await rolldown({ input: 'recording-entry.ts', platform: 'node', logLevel: 'warn', plugins: [inHand] });
    await bundle.write({ dir: out, format: 'esm', entryFileNames: 'recording.mjs', chunkFileNames: '[name]-[hash].mjs' });
    await bundle.close();
    return await import(pathToFileURL(join(out, 'recording.mjs')).href);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
