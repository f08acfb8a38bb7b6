using Microsoft.Playwright;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

/// <summary>Debian's Chromium, one for all tests of a class; a test without it is skipped.</summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>A screen, a narrow window, a phone.</summary>
    public static readonly int[] Widths = [1280, 500, 420];

    private const string Program = "/usr/bin/chromium";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Program))
            return; // the tests say so
        // The driver stays in the package's folder: it is larger than all that is tested.
        Environment.SetEnvironmentVariable("PLAYWRIGHT_DRIVER_SEARCH_PATH", Driver);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = Program,
                Args =
                [
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                ],
            }
        );
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    /// <summary>Opens a file; skips the test without the browser.</summary>
    public async Task<OpenPage> OpenAsync(string file, int width = 1280, ColorScheme scheme = ColorScheme.Light)
    {
        Fixtures.Debian(Program, "chromium");
        var context = await _browser!.NewContextAsync(
            new()
            {
                ViewportSize = new() { Width = width, Height = 800 },
                ColorScheme = scheme,
                Offline = true,
            }
        );
        var opened = new OpenPage(await context.NewPageAsync());
        await opened.Page.GotoAsync(new Uri(file).AbsoluteUri);
        return opened;
    }

    // As the project's file names it.
    private static string Driver =>
        typeof(Browser)
            .Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyMetadataAttribute), false)
            .Cast<System.Reflection.AssemblyMetadataAttribute>()
            .Single(a => a.Key == "PlaywrightDriver")
            .Value!;
}
