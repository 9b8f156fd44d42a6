// One closing line that a person or a script can read at a glance.

import type { Reporter, Suite } from "@playwright/test/reporter";

export default class Summary implements Reporter {
  private suite: Suite | undefined;

  onBegin(_config: unknown, suite: Suite) {
    this.suite = suite;
  }

  onEnd() {
    const count = { expected: 0, unexpected: 0, flaky: 0, skipped: 0 };
    for (const test of this.suite?.allTests() ?? []) count[test.outcome()] += 1;
    const failed = count.unexpected + count.flaky;
    console.log(`browser tests: ${count.expected} passed, ${failed} failed, ${count.skipped} skipped`);
  }

  printsToStdio() {
    return false;
  }
}
