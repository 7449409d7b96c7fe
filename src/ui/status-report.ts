/** The report of `status`, as a page: components, releases, nodes, buckets, drift, and a summary. */
import type { StatusResult } from '../engine/types.ts';
import type { Look } from './plan-table.ts';
import { clean, count, cut, fold, oneLine, pad, size, width } from './text.ts';

export function statusLines(status: StatusResult, look: Look): readonly string[] {
  const sections = [
    componentLines(status, look),
    releaseLines(status, look),
    nodeLines(status, look),
    bucketLines(status, look),
    driftLines(status, look),
    status.notes.flatMap((note) => fold(clean(note), look.columns - 2).map((line) => `  ${line}`)),
  ].filter((section) => section.length > 0);
  return ['', ...heading(status, look), '', ...sections.flatMap((section) => [...section, '']), verdict(status, look)];
}

function heading({ cluster, region, namespace }: StatusResult, { paint }: Look): readonly string[] {
  return [`${paint.strong(oneLine(cluster))}  ${paint.faint([region, namespace && `namespace ${namespace}`].filter(Boolean).map(oneLine).join(' · '))}`];
}

function componentLines({ components }: StatusResult, { columns, paint }: Look): readonly string[] {
  const mark = { ok: paint.good('✔'), degraded: paint.careful('▲'), down: paint.bad('✖'), absent: paint.faint('–') };
  const names = widest(components.map(({ name }) => oneLine(name)));
  const kinds = widest(components.map(({ kind }) => oneLine(kind)));
  const versions = widest(components.map(({ version }) => oneLine(version ?? '')));
  const narrow = 4 + names + 2 + kinds + 2 + 11 + 2 + versions > columns;
  return components.flatMap(({ name, kind, ready, wanted, version, state, why }) => {
    const ratio = state === 'absent' ? 'absent' : `${ready}/${wanted} ready`;
    const line = `  ${mark[state]} ${pad(oneLine(name), names)}  ${narrow ? '' : `${paint.faint(pad(oneLine(kind), kinds))}  `}${pad(ratio, 11)}  ${paint.faint(oneLine(version ?? ''))}`;
    return [line.trimEnd(), ...(why ? fold(clean(why), columns - 6).map((text) => `      ${text}`) : [])];
  });
}

function releaseLines({ releases }: StatusResult, { paint }: Look): readonly string[] {
  const names = widest(releases.map(({ name, namespace }) => oneLine(`${namespace}/${name}`)));
  return releases.map(({ name, namespace, chart, version, pinned, status, revision }) => {
    const current = version === pinned;
    const good = status === 'deployed' && current;
    const versions = current ? `${chart} ${version}` : `${chart} ${version} (this loki-eks installs ${pinned})`;
    return `  ${good ? paint.good('✔') : paint.careful('▲')} ${pad(oneLine(`${namespace}/${name}`), names)}  ${oneLine(versions)}  ${paint.faint(oneLine(`${status}, revision ${revision}`))}`;
  });
}

function nodeLines({ nodes }: StatusResult, { columns, paint }: Look): readonly string[] {
  if (nodes.linux === 0 && nodes.fargate === 0 && nodes.windows === 0) return [];
  const complete = nodes.without.length === 0;
  const apart = [nodes.fargate > 0 && `${nodes.fargate} Fargate`, nodes.windows > 0 && `${nodes.windows} Windows`].filter(Boolean).join(', ');
  const line = `  ${complete ? paint.good('✔') : paint.careful('▲')} Collectors running on ${nodes.withCollector}/${count(nodes.linux, 'Linux node')}`;
  const besides = apart ? `(collectors can't run on ${apart})` : '';
  const fits = width(line) + 1 + besides.length <= columns;
  const missing = cutList(nodes.without.map(oneLine), 10);
  return [
    besides && fits ? `${line} ${paint.faint(besides)}` : line,
    ...(besides && !fits ? [`      ${paint.faint(besides)}`] : []),
    ...(complete ? [] : fold(`missing on: ${missing}`, columns - 6).map((text) => `      ${text}`)),
  ];
}

function bucketLines({ buckets }: StatusResult, { columns, paint }: Look): readonly string[] {
  const uses = widest(buckets.map(({ use }) => oneLine(use)));
  return buckets.flatMap(({ use, name, objects, bytes }) => {
    const contents = [objects !== undefined && count(objects, 'object'), bytes !== undefined && size(bytes)].filter(Boolean).join(', ');
    const left = `    ${paint.faint(pad(oneLine(use), uses))}  s3://${oneLine(name)}`;
    if (contents === '') return [left];
    return width(left) + contents.length + 2 <= columns ? [`${left}  ${paint.faint(contents)}`] : [left, paint.faint(`    ${' '.repeat(uses)}  ${contents}`)];
  });
}

function driftLines({ drift }: StatusResult, { columns, paint }: Look): readonly string[] {
  if (drift.length === 0) return [];
  return [
    `  ${paint.careful('▲')} Drift:`,
    ...drift.flatMap(({ title, changes }) => [
      `      ${oneLine(title)}`,
      ...changes.map((change) => paint.faint(`        ${cut(oneLine(change), columns - 8)}`)),
    ]),
  ];
}

function verdict({ healthy, components, drift }: StatusResult, { paint }: Look): string {
  if (healthy) return paint.good('✔ Healthy.');
  const wrong = components.filter(({ state }) => state !== 'ok');
  const words = [
    wrong.length > 0 && `${wrong.length}/${count(components.length, 'component')} unhealthy`,
    drift.length > 0 && `drift in ${count(drift.length, 'place')}`,
  ].filter(Boolean);
  return `${paint.bad('✖')} Unhealthy${words.length > 0 ? `: ${words.join(', ')}` : ''}.`;
}

const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(width));

function cutList(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
