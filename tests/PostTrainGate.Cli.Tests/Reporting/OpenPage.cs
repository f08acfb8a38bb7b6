using System.Collections.Concurrent;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

/// <summary>A page in the browser, and what a reader would stumble over.</summary>
public sealed class OpenPage : IAsyncDisposable
{
    private const string Unfold = "() => document.querySelectorAll('details').forEach(d => d.open = true)";

    private readonly ConcurrentQueue<string> _loaded = [];
    private readonly ConcurrentQueue<string> _errors = [];

    public OpenPage(IPage page)
    {
        Page = page;
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url).Scheme is not ("file" or "data" or "about"))
                _loaded.Enqueue(request.Url);
        };
        page.Console += (_, line) =>
        {
            if (line.Type is "error" or "warning")
                _errors.Enqueue(line.Text);
        };
        page.PageError += (_, error) => _errors.Enqueue(error);
    }

    /// <summary>Playwright's.</summary>
    public IPage Page { get; }

    /// <summary>It asks nothing of a network, and the browser has nothing to complain about.</summary>
    public void StandsAlone()
    {
        Assert.Empty(_loaded);
        Assert.Empty(_errors);
    }

    /// <summary>axe-core's rules of WCAG and of good practice hold, with everything unfolded.</summary>
    /// <param name="rules">The only rules that are asked; none: all.</param>
    public async Task IsAccessibleAsync(params string[] rules)
    {
        await Page.EvaluateAsync(Unfold);
        var only = rules.Length > 0 ? new AxeRunOptions { RunOnly = RunOnlyOptions.Rules(rules) } : null;
        var found = await Page.RunAxe(only);
        Assert.NotEmpty(found.Passes);
        Assert.Empty(
            found.Violations.Select(v =>
                $"{v.Id}: {v.Help}: {string.Join("; ", v.Nodes.Take(3).Select(n => $"{n.Target} {n.Html}"))}"
            )
        );
    }

    /// <summary>Nothing is wider than the window, and no text of a picture is cut off or covers another.</summary>
    public async Task FitsAsync()
    {
        await Page.EvaluateAsync(Unfold);
        await FindsNothingAsync(
            """
            () => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              return [...document.querySelectorAll('body *')]
                .filter(e => !e.parentElement.closest('.scroll') && e.getBoundingClientRect().right > width + 1)
                .map(e => `${e.tagName} reaches to ${e.getBoundingClientRect().right} of ${width}: ${e.textContent.slice(0, 40)}`);
            }
            """
        );
        await FindsNothingAsync(
            """
            () => [...document.querySelectorAll('svg')].flatMap(svg => {
              const frame = svg.getBoundingClientRect(), wrong = [];
              const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
              texts.forEach(([text, box], i) => {
                if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
                  || box.bottom > frame.bottom + 1) wrong.push(`cut off: ${text}`);
                for (const [other, at] of texts.slice(i + 1))
                  if (Math.min(box.right, at.right) - Math.max(box.left, at.left) > 1
                    && Math.min(box.bottom, at.bottom) - Math.max(box.top, at.top) > 4)
                    wrong.push(`${text} covers ${other}`);
              });
              return wrong;
            })
            """
        );
    }

    /// <summary>The tabulator reaches every fold, link and table, in sight, and Enter opens the folds.</summary>
    public async Task IsReachedByKeyboardAsync()
    {
        var wanted = await Page.EvaluateAsync<int>(
            """
            () => {
              const all = document.querySelectorAll('summary, a[href], .scroll');
              all.forEach((e, i) => e.dataset.stop = i);
              return all.length;
            }
            """
        );
        var reached = new HashSet<int>();
        for (var press = 0; press <= wanted; press++)
        {
            await Page.Keyboard.PressAsync("Tab");
            var at = await LookAsync();
            if (at.Length == 0)
                break;
            Assert.True(at[1] == 1, $"the focus on stop {at[0]} is not seen");
            reached.Add(at[0]);
            if (at[2] == None)
                continue;
            await Page.Keyboard.PressAsync("Enter");
            Assert.NotEqual(at[2], (await LookAsync())[2]);
            if (at[2] == Open) // what is inside is wanted too
                await Page.Keyboard.PressAsync("Enter");
        }

        Assert.Equal(Enumerable.Range(0, wanted), reached.Order());
    }

    private const int None = -1,
        Open = 1;

    // Which stop has the focus, whether that is seen, and whether its fold is open.
    private Task<int[]> LookAsync() =>
        Page.EvaluateAsync<int[]>(
            """
            () => {
              const e = document.activeElement;
              if (e?.dataset?.stop === undefined) return [];
              const box = e.getBoundingClientRect();
              const seen = getComputedStyle(e).outlineStyle !== 'none' && box.bottom > 0 && box.top < innerHeight;
              return [Number(e.dataset.stop), seen ? 1 : 0, e.tagName === 'SUMMARY' ? Number(e.parentElement.open) : -1];
            }
            """
        );

    /// <summary>On paper everything is there, folded or not, and nothing is cut off.</summary>
    public async Task PrintsWholeAsync()
    {
        await Page.EmulateMediaAsync(new() { Media = Media.Print });
        await Page.SetViewportSizeAsync(A4, 1000);
        await FindsNothingAsync(
            """
            () => [...document.querySelectorAll('details > :not(summary)')]
              .filter(e => !e.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })
                || e.getBoundingClientRect().height === 0)
              .map(e => e.parentElement.querySelector('summary').textContent)
            """
        );
        await FindsNothingAsync(
            """
            () => [...document.querySelectorAll('body *')]
              .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
              .map(e => `${e.tagName}: ${e.textContent.slice(0, 60)}`)
            """
        );
    }

    // A script that lists what is wrong.
    private async Task FindsNothingAsync(string script) => Assert.Empty(await Page.EvaluateAsync<string[]>(script));

    // Width of A4 in CSS pixels, without a printer's margins of a centimeter.
    private const int A4 = 718;

    public async ValueTask DisposeAsync() => await Page.Context.DisposeAsync();
}
