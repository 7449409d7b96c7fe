/** Text that users read is plain English: no private words, one form for titles, fixes and explanations. */
import { describe, expect, it } from 'vitest';
import { pushesTaken } from '../../src/commands/pushes-taken.ts';
import { verifyChecks } from '../../src/commands/verify/verify-checks.ts';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import { checks } from '../../src/checks/index.ts';
import { commands } from '../../src/cli/commands.ts';
import { flagsOf } from '../../src/cli/program.ts';
import { settingSpecs } from '../../src/design/setting-specs.ts';
import { eventDocs } from '../../src/engine/event-docs.ts';
import { catalogue } from '../../src/problems/catalogue.ts';
import { notFound } from '../../src/problems/failure-classes.ts';
import type { Row } from '../../src/problems/row.ts';
import { everyStep } from '../../src/steps/index.ts';
import { unidiomatic } from '../support/language.ts';
import { messagesIn } from '../support/messages.ts';

type Texts = Readonly<Record<string, string | undefined>>;

const rows = Object.entries(catalogue as Readonly<Record<string, Row>>);

/** Every area whose words are judged: another one joins with a line here. */
const areas: Readonly<Record<string, Texts>> = {
  'problem catalogue': Object.fromEntries(
    rows.flatMap(([code, { title, cause, fix, explain }]) => Object.entries({ title, cause, fix, explain }).map(([key, text]) => [`${code} ${key}`, text])),
  ),
  'help of commands': Object.fromEntries(
    commands.flatMap((command) => [
      ...[command.summary, command.about, ...command.examples.map(({ why }) => why)].map((text, index) => [`${command.name} ${index}`, text]),
      ...flagsOf(command).map(({ flag, description }) => [`${command.name} ${flag}`, description]),
    ]),
  ),
  'settings and their questions': Object.fromEntries(
    settingSpecs.flatMap((spec) => [
      [spec.flag, spec.description],
      [`${spec.flag} question`, spec.question],
    ]),
  ),
  'documentation of events': Object.fromEntries(
    Object.entries(eventDocs).flatMap(([type, { when, fields }]) => [[type, when], ...Object.entries(fields).map(([name, text]) => [`${type} ${name}`, text])]),
  ),
  'titles of checks': Object.fromEntries([...checks, pushesTaken, ...doctorChecks, ...Object.values(verifyChecks)].map(({ id, title }) => [id, title])),
  'titles of steps': Object.fromEntries(everyStep().map(({ id, title }) => [id, title])),
  'classes without a code': notFound,
  'problems built in the source': messagesIn(['adapters', 'checks', 'commands', 'design', 'engine', 'steps']),
};

describe('words', () => {
  it.each(Object.entries(areas))('of the %s are those of the field', (_, texts) => {
    const found = Object.entries(texts).flatMap(([where, text = '']) => unidiomatic(text).map((hit) => `${where}: ${hit}`));
    expect(found).toEqual([]);
  });

  it.each([
    'The bucket holds logs that nobody has named',
    'Your IAM permissions do not suffice',
    'already as wanted',
    'What is ours goes',
    'doctor --fix may mend it',
    'The rest was taken back',
    'A password stands in a ConfigMap',
    'The document is no JSON',
    'A line came back changed',
    'It could not be learned',
  ])('are refused: %s', (text) => expect(unidiomatic(text)).not.toEqual([]));

  it.each([
    'There is no Loki in the cluster',
    'The bucket is no longer encrypted',
    'The run holds a Lease',
    'Run `loki-eks explain DEFECT`; nginx logs "held back"',
    'A legal hold protects the object',
  ])('are fine: %s', (text) => expect(unidiomatic(text)).toEqual([]));
});

it('gives every row of the catalogue one form', () => {
  for (const [code, { title, cause, fix, explain }] of rows) {
    expect(title, code).toMatch(/^([A-Z/-]|helm |nginx |loki-eks ).{2,76}[^.\s]$/);
    expect(fix, code).toMatch(/^[A-Z].*[^.\s]$/);
    for (const text of [cause, explain]) expect(text, code).toMatch(/\.$/);
    for (const text of [title, cause, fix, explain]) expect(text.split('`').length % 2, text).toBe(1);
  }
});
