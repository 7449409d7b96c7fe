/** `loki-eks verify`: verifies log delivery from every node, on demand. */
import type { VerifyOptions } from '../../deps.ts';
import { verifyCheckNames } from '../../commands/verify/verify-checks.ts';
import type { Command, ParsedArgs } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, place } from '../setting-sets.ts';
import { stop } from '../../problems/problem.ts';

export const verify: Command = {
  name: 'verify',
  summary: 'verify that logs from every node can be queried',
  about:
    "Runs a short-lived pod on every Linux node, including tainted nodes, that prints a unique log line, then queries each line through the gateway under your tenant: exactly once, unchanged, with the right labels. Reports the latency per node, and what is wrong with a node whose line is missing. Also verifies that the gateway rejects missing and invalid credentials, that tenants are isolated, that chunks reach S3 with the role's credentials, and, if a Grafana has the data source and grants access, that Grafana shows the line. Always removes its pods. Exits with 6 if a check fails.\n\nOn clusters with more than 500 nodes, verify samples 200 of them unless --sample asks for more.",
  examples: [
    { run: 'loki-eks verify --cluster prod', why: 'verify every node now' },
    { run: 'loki-eks verify --cluster prod --sample 10 --proof lines', why: 'log delivery only, on about ten nodes of all kinds' },
    { run: 'loki-eks verify --cluster prod --nodes ip-10-0-1-11.eu-central-1.compute.internal', why: 'one node' },
    { run: 'loki-eks verify --cluster prod --grafana-token-file token', why: 'also query the line through Grafana' },
    { run: 'loki-eks verify --cluster prod --restart-collector', why: 'also restart one collector and check that no line is lost' },
    { run: 'loki-eks verify --cluster prod --junit verify.xml', why: 'for CI' },
  ],
  settings: [...place, ...grafanaLogin, 'timeout'],
  flags: [
    { flag: '--sample', placeholder: 'N', description: 'verify about N nodes, spread over zones, at least one of each kind and taint' },
    { flag: '--nodes', placeholder: 'NAME', repeatable: true, description: 'only these nodes, comma-separated; repeatable' },
    {
      flag: '--proof',
      placeholder: 'NAME',
      choices: verifyCheckNames,
      repeatable: true,
      description: `run only this check: ${verifyCheckNames.join(', ')}; repeatable`,
    },
    { flag: '--restart-collector', description: 'also restart one collector, to verify that no line is lost or duplicated' },
    { flag: '--junit', placeholder: 'FILE', description: 'write the result to this file as JUnit XML' },
  ],
  run: async (given, platform) =>
    runUseCase(given, platform, { command: 'verify', need: ['cluster'], useCase: platform.useCases.verify, options: optionsOf(given) }),
};

function optionsOf({ flags }: ParsedArgs): VerifyOptions {
  const { sample, junit } = flags;
  const count = Number(sample);
  if (sample !== undefined && !(Number.isInteger(count) && count >= 1))
    throw stop('SETTING_INVALID', { message: `--sample "${String(sample)}" is no number of nodes`, fix: '--sample 10' });
  const named = (flags['proof'] ?? []) as readonly string[];
  const unknown = named.find((name) => !verifyCheckNames.some((known) => known === name));
  if (unknown !== undefined)
    throw stop('FLAG_VALUE_INVALID', { message: `--proof "${unknown}" is not one of ${verifyCheckNames.join(', ')}`, fix: '--proof lines' });
  const names = ((flags['nodes'] ?? []) as readonly string[]).flatMap((text) => text.split(',')).map((name) => name.trim());
  return {
    nodes: names.filter((name) => name !== ''),
    proofs: verifyCheckNames.filter((name) => named.includes(name)),
    restartCollector: flags['restartCollector'] === true,
    ...(sample !== undefined && { sample: count }),
    ...(typeof junit === 'string' && {
      junit: { file: junit, xml: async (of) => (await import('../../ui/verify-junit.ts')).verifyJunit(of) },
    }),
  };
}
