// Runs before the first paint: says that scripts run, so that controls which need them may show, and which zone this browser is in.
document.documentElement.classList.add("js");
try {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`browser_tz=${zone}`)) document.cookie = `browser_tz=${zone}; Path=/; Max-Age=31536000; SameSite=Lax`;
} catch { /* no zone: UTC */ }
