// Says what became of the gems on a page. Install: docs/backend.md.
(() => {
  const { src, dataset: own } = document.currentScript, { doNotTrack, globalPrivacyControl } = navigator;
  if (doNotTrack == "1" || globalPrivacyControl || !own.gemsKey || !own.gemsUser) return;
  const MOST = 50, WAIT_MS = 5000, AGAIN_MS = 2000, SEEN = 0.5, slates = {};
  const GEM = "[data-gems-item]:not([data-gems-page])";
  let queue = [], timer, page, since, depth = 0;

  // Nothing is thrown into the page.
  const safe = (act) => (said) => { try { act(said); } catch {} };
  const now = () => Date.now() / 1000;

  const tell = ({ dataset: gem }, event_type, more) => {
    queue.push({
      event_id: now() + "-" + Math.random(), event_type, timestamp: now(),
      user_id: own.gemsUser, item_id: gem.gemsItem, slate_id: gem.gemsSlate, impression_token: gem.gemsToken,
      position: +gem.gemsPosition, ...more,
    });
    timer ??= setTimeout(flush, WAIT_MS);
  };

  const send = (events, last) => fetch(new URL("/v1/events", src), {
    method: "POST", keepalive: true, body: JSON.stringify(events),
    headers: { Authorization: "Bearer " + own.gemsKey, "Content-Type": "application/json" },
  }).then(({ status }) => status == 429 || status > 499, () => true).then((failed) => {
    if (failed && !last) setTimeout(send, AGAIN_MS, events, true); // same ids: nothing counts twice
  });

  const flush = safe(() => {
    timer = clearTimeout(timer);
    while (queue[0]) send(queue.splice(0, MOST));
  });

  const watch = new IntersectionObserver(safe((entries) => entries.forEach(({ target, intersectionRatio }) => {
    const { gemsSlate: slate, gemsItem: item } = target.dataset;
    if (intersectionRatio < SEEN || !slate) return;
    const seen = slates[slate] ??= { target, items: [] };
    if (!seen.items.includes(item)) seen.fresh = seen.items.push(item);
  })), { threshold: SEEN });

  const find = safe(() => {
    document.querySelectorAll(GEM).forEach((each) => watch.observe(each));
    page = document.querySelector("[data-gems-page]");
    since ??= page && now();
  });

  const look = safe(() => {
    const { top, height } = page.getBoundingClientRect();
    depth = Math.max(depth, Math.min(1, (innerHeight - top) / height));
  });

  const leave = safe(() => {
    for (const seen of Object.values(slates)) {
      if (seen.fresh) tell(seen.target, "shown", { items: seen.items });
      seen.fresh = 0;
    }
    look();
    if (since) tell(page, "dwell", { value: now() - since }), tell(page, "view", { value: depth });
    since = 0;
    flush();
  });

  addEventListener("click", safe(({ target }) => {
    const gem = target.closest(GEM);
    if (gem) tell(gem, "click");
  }), true);
  addEventListener("scroll", look);
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.hidden ? leave() : since = page && now());
  new MutationObserver(find).observe(document, { childList: true, subtree: true });
  find();
})();
