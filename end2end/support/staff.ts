// What the tests of the staff's pages share.

import type { APIRequestContext, Page } from "@playwright/test";
import { expect } from "./fixtures";

/** The demo's owner. */
export const owner = { email: "ada@demo.example", password: "meridian-demo" };

/** Signs the owner in, on the way to a page. */
export async function signIn(page: Page, next: string): Promise<void> {
  await page.goto(`/sign-in?next=${next}`);
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByLabel("Password").fill(owner.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(new RegExp(`${next}$`));
}

/** Books a late time, where no other test looks. */
export async function bookLate(request: APIRequestContext, service: string, booker: { name: string; email: string; timezone?: string }) {
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const event = `/api/v1/public/book/demo/${service}`;
  const answer = await request.get(`${event}/slots?from=${day(0)}&to=${day(30)}&tz=UTC`);
  const { days } = (await answer.json()) as { days: Record<string, { start: string }[]> };
  for (const { start } of Object.values(days).flat().reverse()) {
    const data = { start, timezone: "Europe/Berlin", phone: "+49 30 1234567", ...booker };
    const booked = await request.post(`${event}/book`, { data });
    if (booked.status() === 201) return;
    expect(booked.status(), await booked.text()).toBe(409);
  }
  throw new Error("no time is free");
}

/** Nothing sticks out of a narrow screen. */
export async function fits(page: Page): Promise<void> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  if (before) await page.setViewportSize(before);
}
