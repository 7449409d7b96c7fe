/** `loki-eks verify`: the proof that log lines come back, from every node, on demand. */
import type { VerifyOptions } from '../../app/outside.ts';
import { proofNames } from '../../app/verify/proofs.ts';
import type { Command, Given } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, place } from '../setting-sets.ts';
import { stop } from '../../problems/problem.ts';

export const verify: Command = {
  name: 'verify',
  summary: 'prove that lines printed on every node can be queried',
  about:
    "Lets a short-lived pod on every Linux node, tainted ones too, print a line that nobody has printed before, and finds each line through the gateway, under your tenant: once, unchanged, with the right labels. Says how long each took, and what is wrong with a node whose line does not come back. Also proves that the gateway refuses strangers, that another tenant sees nothing, that chunks reach S3 with the role's credentials, and, where a Grafana has our data source and lets us in, that it shows the line. Takes its pods away again, whatever happens. Exits 6 when something is not proved.\n\nOn clusters of more than 500 nodes, 200 of them are proved unless --sample asks for more.",
  examples: [
    { run: 'loki-eks verify --cluster prod', why: 'prove it now, on every node' },
    { run: 'loki-eks verify --cluster prod --sample 10 --proof lines', why: 'lines only, on about ten nodes of all kinds' },
    { run: 'loki-eks verify --cluster prod --nodes ip-10-0-1-11.eu-central-1.compute.internal', why: 'one node' },
    { run: 'loki-eks verify --cluster prod --grafana-token-file token', why: 'also: the line is found through Grafana' },
    { run: 'loki-eks verify --cluster prod --restart-collector', why: 'also: restart one collector, and lose nothing by it' },
    { run: 'loki-eks verify --cluster prod --junit verify.xml', why: 'for CI' },
  ],
  settings: [...place, ...grafanaLogin, 'timeout'],
  flags: [
    { flag: '--sample', placeholder: 'N', description: 'about N nodes, spread over zones, with one of each kind and taint at least' },
    { flag: '--nodes', placeholder: 'NAME', repeatable: true, description: 'this node only; several by commas; repeatable' },
    { flag: '--proof', placeholder: 'NAME', choices: proofNames, repeatable: true, description: `this proof only: ${proofNames.join(', ')}; repeatable` },
    { flag: '--restart-collector', description: 'also restart one collector, to prove that no line is lost or repeated' },
    { flag: '--junit', placeholder: 'FILE', description: 'write the result as JUnit XML' },
  ],
  run: async (given, platform) =>
    runUseCase(given, platform, { command: 'verify', need: ['cluster'], useCase: platform.useCases.verify, options: optionsOf(given) }),
};

function optionsOf({ flags }: Given): VerifyOptions {
  const { sample, junit } = flags;
  const count = Number(sample);
  if (sample !== undefined && !(Number.isInteger(count) && count >= 1))
    throw stop('SETTING_INVALID', { message: `--sample "${String(sample)}" is no number of nodes`, fix: '--sample 10' });
  const named = (flags['proof'] ?? []) as readonly string[];
  const unknown = named.find((name) => !proofNames.some((known) => known === name));
  if (unknown !== undefined) throw stop('FLAG_VALUE_INVALID', { message: `--proof "${unknown}" is not one of ${proofNames.join(', ')}`, fix: '--proof lines' });
  const names = ((flags['nodes'] ?? []) as readonly string[]).flatMap((text) => text.split(',')).map((name) => name.trim());
  return {
    nodes: names.filter((name) => name !== ''),
    proofs: proofNames.filter((name) => named.includes(name)),
    restartCollector: flags['restartCollector'] === true,
    ...(sample !== undefined && { sample: count }),
    ...(typeof junit === 'string' && {
      junit: { file: junit, xml: async (of) => (await import('../../ui/verify-junit.ts')).verifyJunit(of) },
    }),
  };
}
