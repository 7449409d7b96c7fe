/** What `doctor` found, as one HTML file that can be opened and attached: no script, no network, nothing outside of it. */
import { createHash } from 'node:crypto';
import type { Json, Problem } from '../engine/types.ts';
import { catalogue, type ProblemCode } from '../problems/catalogue.ts';
import { allWell, isUnproved, readDoctorResult, type DoctorResult } from './doctor-report.ts';
import { narrowDrawing, stateWords, wideDrawing, type DrawnHop, type HopState } from './report-html-drawing.ts';
import { style } from './report-html-style.ts';
import { anchor, escaped } from './report-html-text.ts';
import { count } from './text.ts';

export interface ReportAbout {
  /** Of loki-eks. */
  readonly version: string;
  readonly made: Date;
  /** What was looked at is simulated. */
  readonly sandbox: boolean;
}

type Finding = DoctorResult['findings'][number];

/** `result` has the shape of `doctor.finished.result`. */
export function reportHtml(result: Json, about: ReportAbout): string {
  const found = readDoctorResult(result);
  const title = `Log path of ${subjectOf(found)}`;
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    '<link rel="icon" href="data:,">',
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    '<a class="skip" href="#findings">To the findings</a>',
    header(found, about, title),
    '<main>',
    ...drawing(found),
    '<div id="findings">',
    ...findings(found),
    '</div>',
    ...hopTable(found),
    ...unseen(found),
    '</main>',
    `<footer><p>Made by loki-eks ${escaped(about.version)} on ${escaped(about.made.toISOString())}. Passwords and tokens are never part of this file.</p></footer>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const subjectOf = ({ subject, mode }: DoctorResult): string => (mode === 'values' ? 'values files' : `cluster ${String(subject['cluster'] ?? '?')}`);

function header(found: DoctorResult, { version, made, sandbox }: ReportAbout, title: string): string {
  const { root, healthy, subject } = found;
  const warned = found.findings.length > 0;
  const tone = !healthy ? 'bad' : warned || isUnproved(found) ? 'careful' : 'good';
  const verdict = healthy ? allWell(found) : root?.hop ? `The way of the logs breaks at: ${labelOf(root.hop).toLowerCase()}` : 'Logs are lost';
  const lead = root
    ? root.problem.message
    : warned
      ? `${count(found.findings.length, 'finding')} worth a look.`
      : 'Every hop that could be looked at is in order.';
  const facts = [
    ...Object.entries(subject).map(([name, value]) => [name, Array.isArray(value) ? value.map(String).join('; ') : String(value)] as const),
    ['looked at', `${made.toISOString().slice(0, 16).replace('T', ' ')} UTC`] as const,
    ['loki-eks', version] as const,
    ...(sandbox ? [['simulated', 'a sandbox; no AWS account was looked at'] as const] : []),
  ];
  return `<header>
<div class="banner ${tone}"><p class="eyebrow">${escaped(title)}</p><h1>${escaped(verdict)}</h1><p class="lead">${escaped(lead)}</p></div>
<dl class="facts">${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value) || '–'}</dd></div>`).join('')}</dl>
</header>`;
}

const labels: Readonly<Record<string, string>> = {
  'aws-identity': 'AWS identity',
  s3: 'S3 buckets',
  scheduling: 'Scheduling of pods',
  'loki-config': 'Configuration of Loki',
  'loki-runtime': 'Loki at work',
  gateway: 'Gateway',
  'tenant-write': 'Tenant (write)',
  'alloy-discovery': 'Finding pods',
  'alloy-read': 'Reading files',
  'alloy-push': 'Pushing',
  limits: 'Limits',
  'tenant-read': 'Tenant (read)',
  'grafana-datasource': 'Data source of Grafana',
  query: 'Query',
};
const labelOf = (hop: string): string => labels[hop] ?? hop;

const STATES: Readonly<Record<string, HopState>> = { pass: 'good', warn: 'careful', fail: 'bad' };

function drawnHops({ hops, findings: all, root }: DoctorResult): readonly DrawnHop[] {
  return hops.map(({ hop, state, saw = '' }) => {
    const failed = all.filter((one) => one.hop === hop && one.severity === 'fail');
    const follows = failed.length > 0 && failed.every(({ role }) => role === 'consequence');
    const mark = root?.hop === hop ? 'root' : follows ? 'consequence' : undefined;
    return { hop, label: labelOf(hop), state: STATES[state] ?? 'unknown', ...(mark && { mark }), saw };
  });
}

function drawing(found: DoctorResult): readonly string[] {
  if (found.hops.length === 0) return [];
  const hops = drawnHops(found);
  const states = (['good', 'careful', 'bad', 'unknown'] as const).filter((state) => hops.some((one) => one.state === state));
  const legend = states.map(
    (state) => `<span class="pill ${state}">${count(hops.filter((one) => one.state === state).length, 'hop')} ${stateWords[state]}</span>`,
  );
  return ['<h2>The way of a line</h2>', `<div class="card drawing">${wideDrawing(hops)}${narrowDrawing(hops)}<p class="legend">${legend.join('')}</p></div>`];
}

function findings({ findings: all, root, mode }: DoctorResult): readonly string[] {
  const group = (heading: string, wanted: (one: Finding) => boolean): readonly string[] => {
    const some = all.filter(wanted);
    return some.length === 0 ? [] : [`<h2>${heading}</h2>`, ...some.map((one) => card(one))];
  };
  return [
    ...(root ? [`<h2>${mode === 'values' ? 'Begin here' : 'Root cause'}</h2>`, card(root)] : []),
    ...group('Wrong by itself as well', ({ role, severity }) => role === 'also' && severity === 'fail'),
    ...group('Probably goes with it', ({ role }) => role === 'consequence'),
    ...group('Worth a look', ({ role, severity }) => role === 'also' && severity === 'warn'),
  ];
}

const MENDS: Readonly<Record<string, string>> = {
  yes: 'loki-eks doctor --fix mends this.',
  confirm: 'loki-eks doctor --fix mends this once it is confirmed.',
};

function card({ problem, role, severity, hop, autofix = 'no' }: Finding): string {
  const tone = severity === 'fail' ? 'bad' : 'careful';
  const row = catalogue[problem.code as ProblemCode];
  const parts = [
    ...(row ? [['cause', escaped(row.cause)] as const] : []),
    ...(problem.evidence && problem.evidence.length > 0 ? [['seen', evidence(problem)] as const] : []),
    ['fix', fix(problem, MENDS[autofix])] as const,
  ];
  return `<article class="card ${role === 'root' ? 'root' : ''}" id="${anchor('finding', problem.code)}">
<p class="meta"><span class="pill ${tone}">${role === 'root' ? 'root cause' : role === 'consequence' ? 'follows' : severity === 'fail' ? 'broken' : 'worth a look'}</span>${hop ? `<span class="pill">${escaped(labelOf(hop))}</span>` : ''}<span class="pill code">${escaped(problem.code)}</span></p>
<h3>${escaped(problem.message)}</h3>
<dl>${parts.map(([name, content]) => `<dt>${name}</dt><dd>${content}</dd>`).join('')}</dl>
${row ? `<details><summary>Background</summary><p>${escaped(row.explain)}</p></details>` : ''}
</article>`;
}

const evidence = ({ evidence: lines = [] }: Problem): string =>
  `<ul class="evidence">${lines.map((line) => `<li><code>${escaped(line)}</code></li>`).join('')}</ul>`;

/** One click selects all of it, so that it can be copied without a script. */
const fix = ({ fix: text }: Problem, mends: string | undefined): string =>
  `<pre class="fix" tabindex="0">${escaped(text)}</pre>${mends ? `<p class="note">${escaped(mends)}</p>` : ''}`;

function hopTable(found: DoctorResult): readonly string[] {
  if (found.hops.length === 0) return [];
  const rows = drawnHops(found).map(
    ({ hop, label, state, saw }) =>
      `<tr id="${anchor('hop', hop)}" tabindex="-1"><th scope="row">${escaped(label)}<br><code>${escaped(hop)}</code></th><td><span class="pill ${state}">${stateWords[state]}</span></td><td>${escaped(saw) || '–'}${links(found, hop)}</td></tr>`,
  );
  return ['<h2>Hop by hop</h2>', `<div class="card"><table class="hops"><tbody>${rows.join('\n')}</tbody></table></div>`];
}

function links({ findings: all }: DoctorResult, hop: string): string {
  const here = all.filter((one) => one.hop === hop);
  if (here.length === 0) return '';
  return `<br>${here.map(({ problem: { code } }) => `<a href="#${anchor('finding', code)}"><code>${escaped(code)}</code></a>`).join(' ')}`;
}

function unseen({ unseen: all, mode }: DoctorResult): readonly string[] {
  if (mode === 'values') return [];
  const list = all.map(({ what, why }) => `<li>${escaped(what)}: ${escaped(why)}</li>`).join('');
  return [
    '<h2>Not looked at</h2>',
    `<div class="card">${all.length > 0 ? `<ul class="plain">${list}</ul>` : '<p>Everything that doctor asks about could be looked at.</p>'}</div>`,
  ];
}
