/** `loki-eks doctor`: where the way of the logs is broken, or what is wrong with values files. */
import { nearest } from '../../design/nearest.ts';
import { doctorCatalogue } from '../../problems/catalogue.ts';
import { currentCode } from '../../problems/former-codes.ts';
import { stop } from '../../problems/problem.ts';
import type { DoctorFix, DoctorPapers } from '../../app/outside.ts';
import type { Command, Given } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, place } from '../setting-sets.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'find out why no logs arrive, whoever installed Loki',
  about:
    'Walks the way of a log line from AWS to Grafana, hop by hop, and names where it breaks first, with what was seen, the cause and the fix. Works on installations that loki-eks did not make, and changes nothing without --fix. Exits 6 when something is broken. With --fix it mends what it may, as install would, and looks again; what touches data, cost or security, or is not of loki-eks, wants to be agreed to. With --values it judges values files and needs no cluster.',
  examples: [
    { run: 'loki-eks doctor --cluster prod', why: 'no data in Grafana: where to begin' },
    { run: 'loki-eks doctor --cluster prod --namespace logging --collector-namespace agents', why: 'when there are several' },
    { run: 'loki-eks doctor --cluster prod --grafana-token-file token', why: 'also: Grafana is asked by its own data sources' },
    { run: 'loki-eks doctor --cluster prod --fix', why: 'mends what may be mended, and says what is left' },
    { run: 'loki-eks doctor --cluster prod --html report.html', why: 'something to open in a browser, and to attach' },
    { run: 'loki-eks doctor --cluster prod --bundle help.tar.gz', why: 'all that a helper may want to see, without secrets' },
    { run: 'loki-eks doctor --values loki-values.yaml --values alloy-values.yaml', why: 'before anything is installed' },
  ],
  settings: [...place, 'collectorNamespace', 'grafanaNamespace', ...grafanaLogin, 'helm', 'timeout', 'lokiChart', 'alloyChart', 'chartRepo'],
  flags: [
    { flag: '--values', placeholder: 'FILE', repeatable: true, description: 'judge this values file instead of a cluster; repeatable' },
    { flag: '--fix', description: 'mend what may be mended: shows it, asks where it matters, and looks again' },
    {
      flag: '--confirm-fix',
      placeholder: 'CODE',
      repeatable: true,
      description: 'agree to a fix that wants it, where nobody is asked; CODE:NAMESPACE/RELEASE where the release is not of loki-eks',
    },
    { flag: '--html', placeholder: 'FILE', description: 'write the report into this file as well: one HTML file with a drawing of the log path' },
    {
      flag: '--bundle',
      placeholder: 'FILE',
      description: 'write a support bundle (.tar.gz): objects, events, logs, counters, journals, the report; no secret is in it',
    },
    { flag: '--force', description: 'replace files that are there already' },
    { flag: '--chart', placeholder: 'CHART', choices: ['loki', 'alloy'], description: 'whose values they are, when the keys do not tell' },
  ],
  run: (given, platform) => {
    const values = (given.flags['values'] ?? []) as readonly string[];
    const chart = given.flags['chart'] as 'loki' | 'alloy' | undefined;
    const [papers, fix] = [papersIn(given), fixIn(given)];
    const need = values.length > 0 ? [] : ['cluster'];
    const options = { values, ...(chart && { chart }), ...(papers && { papers }), ...(fix && { fix }) };
    return runUseCase(given, platform, { command: 'doctor', need, useCase: platform.useCases.doctor, options });
  },
};

function fixIn({ flags }: Given): DoctorFix | undefined {
  const confirmed = ((flags['confirmFix'] ?? []) as readonly string[]).map((word) => word.replace(/^\w+/, currentCode));
  const codes = Object.keys(doctorCatalogue);
  for (const word of confirmed) {
    const code = word.split(':')[0] ?? '';
    if (codes.includes(code)) continue;
    const near = nearest(code, codes);
    throw stop('FLAG_VALUE_INVALID', {
      message: `--confirm-fix ${word}: doctor has no finding ${code}`,
      fix: near ? `--confirm-fix ${near}` : 'loki-eks doctor',
    });
  }
  if (flags['fix'] !== true) {
    if (confirmed.length === 0) return undefined;
    throw stop('FLAG_VALUE_INVALID', { message: '--confirm-fix agrees to what --fix would do, and --fix is not given', fix: 'loki-eks doctor --fix' });
  }
  if (flags['values'] !== undefined)
    throw stop('FLAG_VALUE_INVALID', { message: '--values judges files, and --fix mends a cluster', fix: 'leave one of them out' });
  return { confirmed };
}

function papersIn({ flags }: Given): DoctorPapers | undefined {
  const html = flags['html'] as string | undefined;
  const bundle = flags['bundle'] as string | undefined;
  if (html === undefined && bundle === undefined) return undefined;
  if (bundle !== undefined && flags['values'] !== undefined)
    throw stop('FLAG_VALUE_INVALID', { message: '--values judges files, and --bundle looks at a cluster', fix: 'leave one of them out' });
  return {
    ...(html !== undefined && { html }),
    ...(bundle !== undefined && { bundle }),
    force: flags['force'] === true,
    page: async (result, about) => (await import('../../ui/report-html.ts')).reportHtml(result, about),
  };
}
