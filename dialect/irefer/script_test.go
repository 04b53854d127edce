package irefer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/irefer"
	"grapevine/engine"
	"grapevine/model"
	"grapevine/web/browsertest"
)

const license = "W4qL69dbdc0ed0520530bede3c1fc574"

// page is a merchant's: it has the script, and signs three people up in the
// three ways in which pages call.
const page = `<!doctype html><title>Shop</title>
<script src="%[1]s"></script>
<pre id="out"></pre>
<script>
  var api = "%[1]s/newSignup?campaign_id=2605&email=";
  function say(text) { document.getElementById("out").textContent += text + "\n" }
  function called(answer) { say("jsonp " + answer.referrer) }
  var xhr = new XMLHttpRequest();
  xhr.onload = function () { say("xhr " + JSON.parse(xhr.responseText).referrer) };
  xhr.open("GET", api + "xhr@example.com");
  xhr.send();
  fetch(api + "fetch@example.com").then(function (r) { return r.json() }).then(function (a) { say("fetch " + a.referrer) });
  var tag = document.createElement("script");
  tag.src = api + "jsonp@example.com&callback=called";
  document.head.appendChild(tag);
  fetch(api + "explicit@example.com&referrer_code=nobody").then(function (r) { return r.json() }).then(function (a) { say("explicit " + a.referrer) });
  say("cookie " + document.cookie);
  say("window " + Object.keys(window).filter(function (name) { return /refer|vsu|settings/i.test(name) }));
</script>`

func TestScriptRemembersWhoSentAVisitor(t *testing.T) {
	t.Parallel()
	s := dialecttest.New(t)
	api := httptest.NewServer(s.Front(irefer.New(s.Core)))
	defer api.Close()
	script := api.URL + "/v1.0/" + license + ".js"
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, page, script)
	}))
	defer shop.Close()
	origin := strings.Replace(shop.URL, "127.0.0.1", "shop.localhost", 1)
	s.Apply(t, func(text string) string {
		return strings.Replace(strings.Replace(text, "https://shop.example.com,", "https://shop.example.com, \""+origin+"\",", 1),
			"landing: http://getirefer.example/", "landing: "+origin+"/welcome", 1)
	})
	joined, err := s.Core.Join(t.Context(), s.Account, engine.Join{
		Who: engine.Who{Email: "ann@example.com", Server: true}, Kind: model.SignUp, Campaign: 2605,
	})
	if err != nil {
		t.Fatal(err)
	}
	ann, err := s.Core.Participation(t.Context(), s.Account, 2605, "ann@example.com")
	if err != nil || ann.Participant.ID != joined.Participant {
		t.Fatal(err)
	}
	html := browsertest.Open(t, origin+"/welcome?iref="+ann.Code+"&x=1")
	for _, want := range []string{
		"xhr ann@example.com\n", "fetch ann@example.com\n", "jsonp ann@example.com\n", "explicit null\n",
		"cookie vsu_referrer_hash=" + ann.Code + "\n", "window \n",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(html)
	}
	figures, err := s.Core.CampaignFigures(t.Context(), s.Account, 2605)
	if err != nil || figures.Views != 1 || figures.SignUps != 5 || figures.Referred != 3 {
		t.Errorf("figures %+v, %v", figures, err)
	}
	s.Verify(t)
}

// Our own faults are told apart from the caller's.
func TestFaultsAre500(t *testing.T) {
	t.Parallel()
	s := dialecttest.New(t)
	handler := document.Watch(t, s.Front(irefer.New(s.Core)))
	call := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/v1.0/"+license+".js"+path, nil))
		return w
	}
	call("/campaignStats?campaign_id=2605&api_key=ireferextapi") // the configuration is known from here on
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"referrerStats", "campaignStats", "newSignup", "newSpecificAction", "referrers", "rewards", "specificActionSignups"} {
		w := call("/" + method + "?campaign_id=2605&email=a@example.com&external_id=a&action=/a&referrer_code=a&api_key=ireferextapi")
		if w.Code != 500 || !strings.Contains(w.Body.String(), "irefer_api_"+method+"_err_401") {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
	if w := call("?viewed=https%3A%2F%2Fshop.example.com%2Fsrdt"); w.Code != 500 {
		t.Errorf("the script: %d %s", w.Code, w.Body)
	}
}

func TestViewsAreCountedOfTheAccountsPages(t *testing.T) {
	t.Parallel()
	s := dialecttest.New(t)
	plain := s.Front(irefer.New(s.Core))
	watched := document.Watch(t, plain)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1.0/" + license + ".js", 200},
		{"GET", "/v1/" + license + ".js", 200},
		{"GET", "/v1.0/" + license + ".js?viewed=https%3A%2F%2Fshop.example.com%2Fsrdt%3Fx%3D9", 204},
		{"HEAD", "/v1.0/" + license + ".js?viewed=https%3A%2F%2Fshop.example.com%2Fsrdt", 204},
		{"GET", "/v1.0/" + license + ".js?viewed=https%3A%2F%2Fevil.example.com%2Fsrdt", 204},
		{"GET", "/v1.0/" + license + ".js?viewed=https%3A%2F%2Fshop.example.com%2Felsewhere", 204},
		{"GET", "/v1.0/W4qL00000000000000000000000000.js", 404},
		{"GET", "/v1.0/" + license + ".js/noMethod", 404},
		{"GET", "/v1.0/" + license, 404},
		{"POST", "/v1.0/" + license + ".js/newSignup", 405},
		{"OPTIONS", "/v1.0/" + license + ".js/newSignup", 204},
	} {
		w := httptest.NewRecorder()
		handler := watched
		if c.method == http.MethodOptions { // asked by browsers, documented nowhere
			handler = plain
		}
		handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
	}
	figures, err := s.Core.CampaignFigures(t.Context(), s.Account, 2205)
	if err != nil || figures.Views != 1 {
		t.Errorf("%+v, %v; want one view", figures, err)
	}
	s.Verify(t)
}
