import { defineConfig } from "@playwright/test";
import type { ServerOption } from "./support/fixtures";

const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

export default defineConfig<ServerOption>({
  testDir: ".",
  outputDir: "test-results",
  globalSetup: "./support/servers.ts",
  fullyParallel: true,
  workers: 2,
  // A test that passes on the second try has found something.
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 30_000,
  expect: { timeout: 5_000 },
  reporter: [["list"], ["./support/summary.ts"]],
  use: {
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    // What the page was made of at each step; not pictures of every moment.
    trace: { mode: "retain-on-failure", screenshots: false },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "desktop", use: { ...desktop, server: "sqlite" } },
    { name: "phone", use: { ...phone, server: "sqlite" } },
    ...(process.env.MERIDIAN_TEST_POSTGRES
      ? [{ name: "postgres", use: { ...desktop, server: "postgres" as const } }]
      : []),
  ],
});
