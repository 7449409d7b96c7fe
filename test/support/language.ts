/** Words that no text for users contains: private or translated English, each beside what to write instead. */

const unwanted: readonly (readonly [RegExp, string])[] = [
  [/\b(some|no|any|every)body\b|\bwhoever\b/, 'name the actor: another user, another program, you'],
  [/\bours\b/, 'what loki-eks created'],
  [/\bmend(s|ed|ing)?\b/, 'fix'],
  [/\b(take|takes|taken|taking|took|put|puts|give|gives|given|gave|giving) (it |them |everything |all |the rest |that )?back\b/, 'roll back, restore'],
  [/\b(take|takes|taken|taking|took|go|goes) (it |them |everything )?away\b/, 'remove, uninstall'],
  [/\bas wanted\b/, 'up to date'],
  [/\bdeeds?\b/, 'change'],
  [/\b(be|was|were|been) (learned|learnt)\b/, 'detect'],
  [/\b(has|have|had) to\b/, 'must, needs'],
  [/\bsuffice[sd]?\b/, 'be sufficient'],
  [/\blook(s|ed|ing)? at\b/, 'check'],
  [/\bgoes\b|\bgo(es|ing|ne)? on\b|\bwent on\b/, 'resume, continue'],
  [/(?<!\blegal )\bhold(s|ing)?\b(?! a Lease\b)|\bheld\b/, 'contain, store, block'],
  [/\b(lie|lies|lay|stands?) (in|on|there|over|where|beside|with)\b/, 'is, exists'],
  [/\banew\b/, 'again'],
  [/\bfor ever\b/, 'forever'],
  [/\bcan not\b/, "can't"],
  [/\bnot there\b|\b(is|are|be) there already\b/, 'missing; already exists'],
  [/(?<!\bthere )\bis no (?!longer\b|more than\b)/, 'is not a'],
  [/\btells? of\b/, 'reports'],
  [/\bof its make\b|\bof other make\b|\bno more of\b/, 'name it'],
  [/\bcame back\b|\bcomes? back\b/, 'was delivered, is returned'],
  [/\blet(s|ting)? go\b|\bletting in\b/, 'release'],
  [/\bin vain\b|\bby good luck\b/, 'say what happens'],
];

/** The unwanted words of a text, each with the advice that helps; code in backticks and quoted program output are not judged. */
export const unidiomatic = (text: string): readonly string[] =>
  unwanted.flatMap(([word, instead]) => {
    const hit = new RegExp(word, 'i').exec(text.replaceAll(/`[^`]*`|"[^"]*"/g, '""'))?.[0];
    return hit === undefined ? [] : [`"${hit}": ${instead}`];
  });
