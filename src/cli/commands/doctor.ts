/** `loki-eks doctor`: where the log path is broken, or what is wrong with values files. */
import { nearest } from '../../design/nearest.ts';
import { doctorCatalogue } from '../../problems/catalogue.ts';
import { currentCode } from '../../problems/former-codes.ts';
import { stop } from '../../problems/problem.ts';
import type { DoctorFix, ReportFiles } from '../../deps.ts';
import type { Command, ParsedArgs } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, place } from '../setting-sets.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'find out why logs are missing, in any Loki installation',
  about:
    "Follows the path of a log line hop by hop, from AWS to Grafana, and pinpoints the first broken hop, with evidence, cause and fix. Works on any Loki with Alloy or Promtail, even if loki-eks didn't install it, and changes nothing without --fix. Exits with 6 if something is broken. With --fix it fixes what can be fixed safely, then checks again; it asks for confirmation before a fix that affects data, cost or security, or changes something that loki-eks didn't install. With --values it checks Helm values files and needs no cluster.",
  examples: [
    { run: 'loki-eks doctor --cluster prod', why: 'no data in Grafana: start here' },
    { run: 'loki-eks doctor --cluster prod --namespace logging --collector-namespace agents', why: 'when there is more than one installation' },
    { run: 'loki-eks doctor --cluster prod --grafana-token-file token', why: "also query through Grafana's own data sources" },
    { run: 'loki-eks doctor --cluster prod --fix', why: 'fix what can be fixed safely, and list what remains' },
    { run: 'loki-eks doctor --cluster prod --html report.html', why: 'a report to open in a browser or attach to a ticket' },
    { run: 'loki-eks doctor --cluster prod --bundle help.tar.gz', why: 'a redacted support bundle' },
    { run: 'loki-eks doctor --values loki-values.yaml --values alloy-values.yaml', why: 'check values before installing' },
  ],
  settings: [...place, 'collectorNamespace', 'grafanaNamespace', ...grafanaLogin, 'helm', 'timeout', 'lokiChart', 'alloyChart', 'chartRepo'],
  flags: [
    { flag: '--values', placeholder: 'FILE', repeatable: true, description: 'check this values file instead of a cluster; repeatable' },
    { flag: '--fix', description: 'fix what can be fixed safely, asking before risky changes, then check again' },
    {
      flag: '--confirm-fix',
      placeholder: 'CODE',
      repeatable: true,
      description: "approve a fix that needs confirmation (non-interactive); CODE:NAMESPACE/RELEASE for a release that loki-eks didn't install",
    },
    { flag: '--html', placeholder: 'FILE', description: 'also write the report to this file, as self-contained HTML with a diagram of the log path' },
    {
      flag: '--bundle',
      placeholder: 'FILE',
      description: 'write a redacted support bundle (.tar.gz): objects, events, logs, metrics, journals and the report',
    },
    { flag: '--force', description: 'overwrite existing files' },
    { flag: '--chart', placeholder: 'CHART', choices: ['loki', 'alloy'], description: "chart the values belong to, when it can't be inferred" },
  ],
  run: (given, platform) => {
    const values = (given.flags['values'] ?? []) as readonly string[];
    const chart = given.flags['chart'] as 'loki' | 'alloy' | undefined;
    const [reportFiles, fix] = [papersIn(given), fixIn(given)];
    const need = values.length > 0 ? [] : ['cluster'];
    const options = { values, ...(chart && { chart }), ...(reportFiles && { reportFiles }), ...(fix && { fix }) };
    return runUseCase(given, platform, { command: 'doctor', need, useCase: platform.useCases.doctor, options });
  },
};

function fixIn({ flags }: ParsedArgs): DoctorFix | undefined {
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
    throw stop('FLAG_VALUE_INVALID', { message: '--confirm-fix has no effect without --fix', fix: 'loki-eks doctor --fix' });
  }
  if (flags['values'] !== undefined)
    throw stop('FLAG_VALUE_INVALID', { message: '--values checks files, and --fix changes a cluster', fix: 'leave one of them out' });
  return { confirmed };
}

function papersIn({ flags }: ParsedArgs): ReportFiles | undefined {
  const html = flags['html'] as string | undefined;
  const bundle = flags['bundle'] as string | undefined;
  if (html === undefined && bundle === undefined) return undefined;
  if (bundle !== undefined && flags['values'] !== undefined)
    throw stop('FLAG_VALUE_INVALID', { message: '--values checks files, and --bundle reads a cluster', fix: 'leave one of them out' });
  return {
    ...(html !== undefined && { html }),
    ...(bundle !== undefined && { bundle }),
    force: flags['force'] === true,
    page: async (result, about) => (await import('../../ui/report-html.ts')).reportHtml(result, about),
  };
}
