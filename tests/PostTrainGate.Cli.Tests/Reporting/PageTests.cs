using Microsoft.Playwright;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

/// <summary>The HTML report as a reader has it: in a browser, wide and narrow, light and dark, by keyboard, on
/// paper.</summary>
public sealed class PageTests(Browser browser, PageTests.Reports reports)
    : IClassFixture<Browser>,
        IClassFixture<PageTests.Reports>
{
    private const int Largest = 200_000; // bytes, so that it opens anywhere and fits into a mail

    public static TheoryData<string> Pages => ["everything", "digits", "passed", "hostile", "huge"];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task It_is_small_and_stands_alone(string name)
    {
        var most = name == "huge" ? 2 * Largest : Largest; // names of 300 characters are nobody's
        Assert.InRange(new FileInfo(reports.File(name)).Length, 1000, most);
        await using var page = await browser.OpenAsync(reports.File(name));
        page.StandsAlone();
    }

    [Theory]
    [InlineData("everything")]
    [InlineData("digits")]
    [InlineData("hostile")]
    public async Task Axe_finds_nothing_wrong(string name)
    {
        await using var page = await browser.OpenAsync(reports.File(name), Browser.Widths[^1]);
        await page.IsAccessibleAsync();
        await page.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await page.IsAccessibleAsync("color-contrast"); // nothing else differs
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Nothing_is_cut_off_at_any_width(string name)
    {
        await using var page = await browser.OpenAsync(reports.File(name));
        foreach (var width in Browser.Widths)
        {
            await page.Page.SetViewportSizeAsync(width, 800);
            await page.FitsAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Every_fold_and_table_is_reached_by_keyboard(string name)
    {
        await using var page = await browser.OpenAsync(reports.File(name));
        await page.IsReachedByKeyboardAsync();
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task On_paper_nothing_is_folded_or_cut_off(string name)
    {
        await using var page = await browser.OpenAsync(reports.File(name), scheme: ColorScheme.Dark);
        await page.PrintsWholeAsync();
    }

    /// <summary>The pages: results of every shape, and a real run whose inputs are images.</summary>
    public sealed class Reports : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Reports()
        {
            Write("everything", Everything());
            Write("digits", Digits());
            Write("passed", SampleResults.Passed);
            Write("hostile", SampleResults.Hostile);
            Write("huge", Huge());
        }

        public string File(string name) => _folder.Path($"{name}.html");

        public void Dispose() => _folder.Dispose();

        private void Write(string name, GateResult result) =>
            _folder.Write($"{name}.html", new HtmlReport().Render(result));

        // A repair with its frontier, a base, a trend, a curve and what an attack changes.
        private static GateResult Everything()
        {
            var result = SampleResults.Trending;
            var gate = result.Gates[2];
            return result with
            {
                Gates = result.Gates.SetItem(
                    2,
                    gate with
                    {
                        Original = gate.Original with
                        {
                            Breakdowns = [Curve(0.16)],
                            Fragile = [.. Enumerable.Range(0, 5).Select(Changed)],
                        },
                        Repaired = gate.Repaired! with
                        {
                            Breakdowns = [Curve(0.47)],
                            Fragile = [.. Enumerable.Range(0, 5).Select(Painted)],
                        },
                    }
                ),
            };
        }

        private static Breakdown Curve(double at) =>
            new(
                "robust accuracy by epsilon",
                [
                    new("0", 0.75, 0.7, 0.8, 300),
                    new("0.05", (0.75 + at) / 2, at, 0.75, 300),
                    new("0.1", at, at - 0.05, at + 0.05, 300),
                ]
            )
            {
                IsCurve = true,
            };

        private static FragileInput Changed(int row) =>
            new(row, "granted", "refused", 0.01 * (row + 1))
            {
                Columns = [new("duration in months", "24", "25"), new("savings", "below 100 DM", "unknown")],
                MoreColumns = row,
            };

        private static FragileInput Painted(int row)
        {
            byte[] pixels = [.. Enumerable.Range(0, 28 * 28).Select(i => (byte)(i * (row + 3)))];
            return new(row, "pullover", "coat", 0.0123)
            {
                Image = new(28, 28, 1, [.. pixels], [.. pixels.Reverse()], [.. pixels], 40),
            };
        }

        // More gates, classes, measures and candidates than anybody reads.
        private static GateResult Huge()
        {
            var result = SampleResults.Huge(30, 500);
            var parts = Enumerable.Range(0, 1000).Select(i => new BreakdownPart($"class {i}", i / 1000.0, 0, 1, 50));
            var gate = result.Gates[0];
            gate = gate with { Original = gate.Original with { Breakdowns = [new("accuracy by class", [.. parts])] } };
            return result with { Gates = result.Gates.SetItem(0, gate) };
        }

        // The sample as it is measured, without its repair.
        private static GateResult Digits()
        {
            var (policy, _) = PolicyReader.Read(Path.Combine(Fixtures.Repository, "samples/digits"));
            return Gate.Run(policy!, new() { Repair = false, Write = false });
        }
    }
}
