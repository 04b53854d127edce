// Remembers who sent a visitor, and says so when the page signs somebody up.
(function (window, document, settings) {
  "use strict";
  var cookie = "vsu_referrer_hash";
  var script = document.currentScript;
  if (!script || !script.src) return;
  var base = script.src.split(/[?#]/)[0];

  function parameter(query, name) {
    var pairs = query.replace(/^\?/, "").split("&");
    for (var i = 0; i < pairs.length; i++) {
      var at = pairs[i].indexOf("=");
      if (at > 0 && pairs[i].slice(0, at) === name) {
        try {
          return decodeURIComponent(pairs[i].slice(at + 1).replace(/\+/g, " "));
        } catch (broken) {
          return "";
        }
      }
    }
    return "";
  }

  function remembered() {
    var pairs = document.cookie.split(/; */);
    for (var i = 0; i < pairs.length; i++) {
      if (pairs[i].indexOf(cookie + "=") === 0) {
        try {
          return decodeURIComponent(pairs[i].slice(cookie.length + 1));
        } catch (broken) {
          return "";
        }
      }
    }
    return "";
  }

  for (var i = 0; i < settings.parameters.length; i++) {
    var code = parameter(window.location.search, settings.parameters[i]);
    if (code) {
      document.cookie = cookie + "=" + encodeURIComponent(code) + "; path=/; max-age=" + settings.seconds + "; samesite=lax";
      break;
    }
  }

  // complete adds the remembered code to a sign-up that names none.
  function complete(address) {
    var text = String(address);
    var absolute = document.createElement("a");
    absolute.href = text;
    var cut = absolute.href.split("#")[0];
    var code = remembered();
    if (!code || cut.split("?")[0] !== base + "/newSignup" || parameter(cut.slice(cut.indexOf("?") + 1), "referrer_code")) return address;
    return cut + (cut.indexOf("?") < 0 ? "?" : "&") + "referrer_code=" + encodeURIComponent(code);
  }

  var open = window.XMLHttpRequest.prototype.open;
  window.XMLHttpRequest.prototype.open = function (method, address) {
    arguments[1] = complete(address);
    return open.apply(this, arguments);
  };
  var fetch = window.fetch;
  if (fetch) {
    window.fetch = function (target) {
      if (typeof target === "string" || target instanceof window.URL) arguments[0] = complete(target);
      return fetch.apply(this, arguments);
    };
  }
  // Pages of before CORS call with a script tag.
  var source = Object.getOwnPropertyDescriptor(window.HTMLScriptElement.prototype, "src");
  Object.defineProperty(window.HTMLScriptElement.prototype, "src", {
    configurable: true,
    enumerable: source.enumerable,
    get: source.get,
    set: function (address) {
      source.set.call(this, complete(address));
    },
  });

  new window.Image().src = base + "?viewed=" + encodeURIComponent(window.location.href);
})(window, document, SETTINGS);
