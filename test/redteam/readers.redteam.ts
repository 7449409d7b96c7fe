/** What reads foreign text (logs, answers, values, configurations) takes time in proportion to it, and comes to an end. */
import { describe, it } from 'vitest';
import { blanking } from '../../src/commands/doctor/bundle/redaction.ts';
import { accessIn, inWords } from '../../src/commands/doctor/analyze/answers.ts';
import { isNoise, timeOf as timeTold, told } from '../../src/commands/doctor/analyze/log-lines.ts';
import { readAlloy } from '../../src/design/alloy-reading.ts';
import { diffLines } from '../../src/design/diff.ts';
import { masked, redactText, withoutSecrets } from '../../src/design/secrets.ts';
import { clean, fold, oneLine } from '../../src/ui/text.ts';
import { hardTexts } from './pattern-texts.ts';
import { everyRow } from './tally.ts';

const LENGTH = 100_000;
/** Linear readers take some milliseconds; on a busy machine more. */
const MOST_MS = 1500;

const PUMPS = [
  ...new Set([
    // Single signs.
    ' ',
    '\t',
    '\n',
    ' \n',
    '"',
    '\\',
    "'",
    '.',
    '-',
    '=',
    ':',
    '{',
    '}',
    '[',
    '(',
    ',',
    '/',
    '//',
    '/*',
    '@',
    '://',
    'a://',
    'a://b:',
    'https://u:p',
    '<a',
    '\u001b[',
    '\u001b]',
    'é',
    '한',

    // Names and values of secrets.
    'token.',
    'token=',
    '-secret',
    'secret.',
    'password="',
    "password='",
    'password=\\"',
    'password: ',
    'password: |\n  x\n',
    'password:[',
    'name: PASSWORD\n',
    '"name":"PASSWORD",',
    'key=',
    'api-key-',
    'Authorization: ',
    'Basic ',
    'Bearer  ',
    'eyJ-',
    'eyJaaaaaaaa.',
    'gh',
    '$2y$',
    '{SSHA}',
    '-----BEGIN PRIVATE KEY-----',
    'AKIA',
    'X-Amz-Signature=',
    'httpHeaderValue0',
    '--password ',
    '<password>',

    // Configurations and log lines.
    'a=',
    'a = ',
    'a {',
    'a "b" {',
    'a = [',
    'a = "',
    '`',
    '/**/',
    'a\n',
    '#\n',
    '- ',
    'x: y\n',
    'level=info msg="a" ',
    '127.0.0.1 - - [28/Nov/2026:18:21:33 +0000] 204 "POST /loki',
    '] "A a" ',
    ...hardTexts(/(?:password|secret|token)[\w.-]*\s*[:=]\s*("[^"]*"|\S+)/i).map(({ before, pump }) => before + pump),
  ]),
];

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  'secrets in a text': (text) => redactText(text),
  'secrets in a document': (text) => withoutSecrets({ text, list: [text], env: [{ name: 'A_TOKEN', value: text }] }),
  'secrets in a bundle': (text) => {
    const blank = blanking();
    blank.learn('correct horse battery');
    blank.learn('short', 'password');
    return blank.text(text);
  },
  'logins in addresses': masked,
  'a difference': (text) => diffLines({ a: text }, { a: `${text}x` }),
  'characters for a terminal': (text) => [clean(text), oneLine(text), fold(text, 100)],
  'an Alloy configuration': readAlloy,
  'a line of an access log': accessIn,
  'an answer in words': (text) => inWords({ status: 502, body: text, headers: {} }),
  'a log line': (text) => [isNoise(text), timeTold(text), told(text)],
};

describe('readers of hostile text of 100 kB', () => {
  for (const [name, read] of Object.entries(READERS)) {
    it(name, { timeout: 300_000 }, (context) =>
      everyRow(
        context,
        PUMPS.map((pump) => [JSON.stringify(pump), pump.repeat(Math.ceil(LENGTH / pump.length))] as const),
        (text) => {
          const timeOf = () => {
            const began = performance.now();
            read(text);
            return performance.now() - began;
          };
          // Others have the machine too.
          const ms = timeOf() > MOST_MS ? timeOf() : 0;
          if (ms > MOST_MS) throw new Error(`${Math.round(ms)} ms`);
        },
      ),
    );
  }
});
