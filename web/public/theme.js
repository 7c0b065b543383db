// Runs before the first paint, so that a remembered theme does not flash.
(function () {
  try {
    var theme = localStorage.getItem('vedette.theme');
    if (theme === '"light"' || theme === '"dark"') document.documentElement.dataset.theme = JSON.parse(theme);
  } catch (error) {
    // Storage may be switched off: then the system's theme it is.
  }
})();
