using System.Diagnostics;
using Xunit;

namespace PostTrainGate.Packages.Tests;

/// <summary>What goes wrong says what it is, and is not taken for a result.</summary>
public class FaultTests(Packages packages)
{
    [Fact]
    public async Task A_policy_that_cannot_be_used_fails_every_build_at_its_place()
    {
        var app = new ConsumerProject(packages, "BadPolicy").WithGate("acuracy: { min: 0.9 }");
        for (var build = 0; build < 2; build++)
        {
            var log = await app.BuildAsync();
            Assert.Equal((1, 0), (log.Checks, log.Skips));
            var error = log.Fails("PTG1010");
            Assert.Equal(
                (ConsumerProject.GateLine, ConsumerProject.GateColumn),
                (error.LineNumber, error.ColumnNumber)
            );
            Assert.Contains("accuracy", error.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_policy_that_was_asked_for_must_exist()
    {
        var app = new ConsumerProject(packages, "NoPolicy");
        (await app.BuildAsync("-p:PostTrainGatePolicy=policies/strict.yml")).Fails("PTG1001", "policies/strict.yml");
    }

    [Fact]
    public async Task A_tool_that_cannot_be_had_is_an_error_that_says_so()
    {
        var app = new ConsumerProject(packages, "NoTool").WithGate();
        var unknown = (await app.BuildAsync("-p:PostTrainGateToolVersion=99.0.0")).Fails("PTG7002");
        Assert.Contains("99.0.0 of package posttraingate.cli is not found", unknown.Text, StringComparison.Ordinal);
        Assert.EndsWith(
            $"set PostTrainGateToolVersion to a version that the sources have, or remove it to use {packages.Version}",
            unknown.Text,
            StringComparison.Ordinal
        );
        var old = (await app.BuildAsync("-p:PostTrainGateToolVersion=99.0.0", "-p:NETCoreSdkVersion=9.0.304")).Fails(
            "PTG7001"
        );
        Assert.Contains("10.0.100", old.Text, StringComparison.Ordinal);
        (await app.BuildAsync("-p:PostTrainGateToolPath=nowhere/PostTrainGate.Cli.dll")).Fails("PTG7002");

        await app.DotnetAsync(["restore"]);
        app.UseFeed("https://127.0.0.1:9/index.json"); // nothing listens there
        string[] offline = ["--no-restore", "-p:PostTrainGateToolVersion=98.0.0"];
        Assert.Contains(
            "set PostTrainGateToolPath to an installed PostTrainGate.Cli 98.0.0",
            (await app.BuildAsync(offline)).Fails("PTG7002").Text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task The_first_build_says_what_it_fetches_and_how_large_it_is()
    {
        var app = new ConsumerProject(packages, "First").WithGate();
        app.UseModel(right: true);
        var natives = packages.Package($"PostTrainGate.Cli.{Packages.Rid}");
        var said =
            $"fetching the tool PostTrainGate.Cli {packages.Version} for {Packages.Rid} from the package sources "
            + $"({new FileInfo(natives).Length / 1_000_000} MB, once)";
        var first = await BuildAsync("-tl:off");
        Assert.Contains(said, first, StringComparison.Ordinal);
        Assert.Matches("PostTrainGate App: .*posttraingate.yml: Passed: ", first);
        Assert.Matches(
            "PostTrainGate App: posttraingate.yml: nothing has changed since the check at .*, which passed",
            await BuildAsync("-tl:off", "-v:normal")
        );
        app.UseModel(right: true);
        Assert.DoesNotContain("fetching", await BuildAsync("-tl:off"), StringComparison.Ordinal);

        async Task<string> BuildAsync(params string[] arguments)
        {
            // A folder of packages where this tool never was.
            var alone = new Dictionary<string, string> { ["NUGET_PACKAGES"] = app.File("packages") };
            var (code, output) = await packages.DotnetAsync(
                "First",
                app.Folder,
                ["build", .. arguments],
                environment: alone
            );
            Assert.True(code == 0, output);
            return output;
        }
    }

    [Fact]
    public async Task Once_fetched_the_tool_runs_without_a_package_source()
    {
        var app = new ConsumerProject(packages, "Offline").WithGate();
        (await app.BuildAsync()).Failed();
        app.UseFeed(Path.Combine(packages.Root, "gone"));
        app.UseModel(right: true);
        (await app.BuildAsync("--no-restore")).Passed();
    }

    [Fact]
    public async Task A_build_that_is_stopped_takes_the_engine_with_it_and_leaves_no_result()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "it looks for the engine in /proc");
        var app = new ConsumerProject(packages, "Stopped").WithGate(
            "robust_accuracy: { attack: pgd, norm: linf, epsilon: 0.1, steps: 100000, min: 0.9 }"
        );
        app.UseModel(right: true);
        var engines = Array.Empty<int>();
        var log = await app.DotnetAsync(["build"], async build =>
        {
            while (!File.Exists(app.File("obj/App.csproj.posttraingate.inputs")) && !build.HasExited)
                await Task.Delay(50, TestContext.Current.CancellationToken);
            engines = EnginesIn(app.Folder);
            using var kill = Process.Start("kill", ["-INT", $"{build.Id}"]);
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        });
        Assert.NotEmpty(engines);
        Assert.False(log.Succeeded);
        Assert.Equal(1, log.Checks);
        Assert.False(File.Exists(app.File("obj/App.csproj.posttraingate.result")));
        Assert.Empty(EnginesIn(app.Folder));
    }

    // Processes of the engine that work in a folder.
    private static int[] EnginesIn(string folder) =>
        [
            .. Directory
                .GetDirectories("/proc")
                .Where(p => int.TryParse(Path.GetFileName(p), out _))
                .Where(p => IsEngineIn(p, folder))
                .Select(p => int.Parse(Path.GetFileName(p))),
        ];

    private static bool IsEngineIn(string process, string folder)
    {
        try
        {
            return File.ResolveLinkTarget(Path.Combine(process, "cwd"), false)?.FullName == folder
                && File.ReadAllText(Path.Combine(process, "cmdline"))
                    .Contains("PostTrainGate.Cli", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it is gone, or not ours
        }
    }
}
