package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestListIsOneArray(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 5000} {
		w := httptest.NewRecorder()
		list := NewList(w, http.StatusOK)
		for i := range n {
			if err := list.Add(map[string]any{"n": i, "text": "<&>"}); err != nil {
				t.Fatal(err)
			}
			if i == 0 && w.Body.Len() > 0 {
				t.Error("the first element is out before a failure could be answered")
			}
		}
		if err := list.End(); err != nil {
			t.Fatal(err)
		}
		var got []struct{ N int }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got) != n || n > 0 && got[n-1].N != n-1 {
			t.Errorf("%d elements: %d read, %v", n, len(got), err)
		}
		if n > 0 && !strings.Contains(w.Body.String(), `"<&>"`) || w.Header().Get("Content-Type") != "application/json" || w.Code != http.StatusOK {
			t.Errorf("%d elements: %d %s", n, w.Code, w.Header())
		}
	}
}
