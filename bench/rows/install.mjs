/** A whole install in the sandbox: against its own helm commands run bare, and against a second install. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, wall } from '../measure.mjs';
import { inSandbox, script } from '../sandbox.mjs';

const runs = 3;

export async function installRows({ add, peers }) {
  const helm = peers.helm;
  let measured;
  const all = async () => (measured ??= await Promise.all([]).then(() => several(helm())));
  const row = (of) => async () => {
    const ratios = (await all()).map((one) => one[of[0]] / one[of[1]]);
    return {
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
      a: median(measured.map((one) => one[of[0]])),
      b: median(measured.map((one) => one[of[1]])),
      runs,
    };
  };
  await add('whole install against its helm commands run bare', 1.35, async () => ({ ...(await row(['fresh', 'bare'])()), note: phases(await all()) }));
  await add('install with nothing to do against a fresh one', 1 / 6, row(['again', 'fresh']));
}

async function several(helm) {
  const list = [];
  for (let at = -1; at < runs; at += 1) {
    const one = await inSandbox([], (sandbox) => once(sandbox, helm));
    if (at >= 0) list.push(one);
  }
  return list;
}

async function once({ env, folder }, helm) {
  const events = [];
  const install = (on) => wall(process.execPath, [script, 'install', '--yes', '--output', 'json'], { env, on });
  const began = Date.now();
  const fresh = await install((line) => events.push(JSON.parse(line)));
  const again = await install();
  const of = (args) => execFileSync(helm, args, { env, encoding: 'utf8' });
  const releases = [
    { name: 'loki', namespace: 'loki', chart: env.LOKI_EKS_LOKI_CHART },
    { name: 'alloy', namespace: 'alloy', chart: env.LOKI_EKS_ALLOY_CHART },
  ].map((release) => {
    const values = join(folder, `${release.name}.yaml`);
    writeFileSync(values, of(['get', 'values', release.name, '--namespace', release.namespace, '--output', 'yaml']));
    return { ...release, values };
  });
  for (const { name, namespace } of releases.toReversed()) of(['uninstall', name, '--namespace', namespace, '--wait']);
  let bare = 0;
  for (const { name, namespace, chart, values } of releases)
    bare += await wall(helm, ['upgrade', name, chart, '--install', '--namespace', namespace, '--values', values, '--wait'], { env });
  return { fresh, again, bare, spent: spent(events, began) };
}

/** Where the seconds of an install go, by what it tells of itself; `bare` has to do with `helm` alone. */
function spent(events, began) {
  const at = (type, step) => Date.parse(events.findLast((event) => event.type === type && event.step === step).time);
  const [looked, proved] = [at('steps.started'), at('step.done', 'identity-proof')];
  const rolledOut = Math.max(at('step.done', 'release.loki'), at('step.done', 'release.alloy'));
  const spans = {
    'until the first change': looked - began,
    'AWS, login, IAM catches up': proved - looked,
    helm: rolledOut - proved,
    'a line from every node': at('run.finished') - rolledOut,
  };
  return Object.entries(spans).map(([what, ms]) => ({ what, seconds: ms / 1000 }));
}

function phases(list) {
  const told = list[0].spent.map(({ what }, index) => `${what} ${median(list.map(({ spent }) => spent[index].seconds)).toFixed(1)} s`);
  return `${median(list.map(({ fresh }) => fresh)).toFixed(1)} s: ${told.join(', ')}; bare ${median(list.map(({ bare }) => bare)).toFixed(1)} s`;
}
