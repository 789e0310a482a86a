"use strict";
(function () {
  var all = Array.prototype.slice.call(document.querySelectorAll("details"));
  function show(d, focus) {
    if (!d) return;
    d.open = true;
    d.scrollIntoView({ block: "nearest" });
    if (focus) d.querySelector("summary").focus();
  }
  function target() {
    var id = decodeURIComponent(location.hash.slice(1));
    var records = id && document.getElementById(id);
    if (records) show(records.closest("details"), true);
  }
  window.addEventListener("hashchange", target);
  document.addEventListener("click", function (e) {
    var a = e.target.closest && e.target.closest("svg a");
    if (a && a.getAttribute("href") === location.hash) target(); // the same one again
    var b = e.target.closest && e.target.closest("button[data-open]");
    if (b) all.forEach(function (d) { if (b.closest("section").contains(d)) d.open = b.dataset.open !== ""; });
  });
  Array.prototype.forEach.call(document.querySelectorAll(".tools"), function (p) {
    p.hidden = false;
    var section = p.closest("section");
    p.querySelector("input").addEventListener("input", function (e) {
      var want = e.target.value.toLowerCase();
      Array.prototype.forEach.call(section.querySelectorAll("details"), function (d) {
        var found = false;
        Array.prototype.forEach.call(d.querySelectorAll("tbody tr"), function (tr) {
          var is = want === "" || tr.textContent.toLowerCase().indexOf(want) >= 0;
          tr.classList.toggle("away", !is);
          found = found || is;
        });
        if (want !== "") d.open = found;
      });
    });
  });
  document.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    var typing = /^(INPUT|TEXTAREA)$/.test(e.target.tagName);
    var at = all.indexOf(e.target.closest ? e.target.closest("details") : null);
    if (e.key === "Escape") {
      if (typing) { e.target.value = ""; e.target.dispatchEvent(new Event("input")); e.target.blur(); }
      else if (at >= 0) { all[at].open = false; all[at].querySelector("summary").focus(); }
    } else if (typing) {
      return;
    } else if (e.key === "n" || e.key === "p") {
      var next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + (e.key === "n" ? 1 : -1)))];
      if (at >= 0 && next !== all[at]) all[at].open = false;
      show(next, true);
    } else if (e.key === "/") {
      var input = document.querySelector("input[type=search]");
      if (input) { e.preventDefault(); input.focus(); }
    }
  });
  target();
})();
