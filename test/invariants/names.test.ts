/** Names that this code base has given up for the field's: none comes back, in code, comments or pages. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** A former name, and what to call it now. */
const FORMER: readonly (readonly [RegExp, string])[] = [
  [/\b(?:Receipt|Hands|Happenings)\b/, 'UndoRecord, ApplyContext, EventMap'],
  [/\b(?:Outside|Reached(?! expected)|askedOnce|lookAgain|endingOfLook)\b/, 'Dependencies, Session, memoizeReads, replan, resultOfPlan'],
  [/\b(?:farewells|givenUp|lettingGo|letGo|oursBy\w+|carriesOurMarks)\b/, 'data-disposal, confirmDeletions, orphan, isOwned'],
  [/\b(?:makeWay|GrafanaWay|putBackFormer|wasAbsent|Autofix|Mending)\b/, 'recreate-statefulsets, DeliveryMethod, object-backup, willCreate, Remediation'],
  [/\b(?:\w+Seen|Unseen|unseen|misses|Told|Walked|walkInTime)\b/, 'Evidence, NotCollected, collectErrors, DoctorReport, Diagnosis'],
  [/\b(?:SpareVoice|spareVoice|Recorder|surroundings|givenPassword\.ts)\b(?!\.ts)/, 'FallbackOutput, RunTracker, terminal'],
  [/\b(?:kubeDoor|awsDoor|createBench|createBreaks|createInjection|createShelf)\b/, 'server, fault API, faults, replay, watch cache'],
  [/\b(?:openHouse|House)\b/, 'harness'],
  [/\b(?:deeds?|happenings|farewells?)\b/i, 'change, event'],
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const filesIn = (folder: string, end: RegExp): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => end.test(name) && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));
const files = [...filesIn('src', /\.(?:ts|md)$/), ...filesIn('templates', /./), ...filesIn('docs', /\.md$/), 'README.md', 'CONTRIBUTING.md'].filter(
  (file) => /\.\w+$/.test(file) && file !== 'src/problems/former-codes.ts',
);

it('reads what it should', () => expect(files.length).toBeGreaterThan(500));

it.each(FORMER)('%s stays away', (former, now) => {
  const found = files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) => (former.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 100)} (now: ${now})`] : [])),
  );
  expect(found).toEqual([]);
});
