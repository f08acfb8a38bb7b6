using System.Text.Json;
using Xunit;

namespace PostTrainGate.Packages.Tests;

/// <summary>When the model is checked, and what the build makes of it.</summary>
public class BuildTests(Packages packages)
{
    [Fact]
    public async Task A_model_fails_the_build_until_it_passes_and_is_then_left_alone()
    {
        var app = new ConsumerProject(packages, "Single").WithGate();
        (await app.BuildAsync()).Failed();
        (await app.BuildAsync()).Failed(repeated: true);

        app.UseModel(right: true);
        (await app.BuildAsync()).Passed();
        (await app.BuildAsync()).Skipped();
        (await app.BuildAsync("-c", "Release")).Skipped(); // the result does not depend on it

        // What Visual Studio compares before it builds at all.
        var (_, items) = await packages.DotnetAsync(
            "Single-items",
            app.Folder,
            ["msbuild", "-getItem:UpToDateCheckInput", "-p:BuildingInsideVisualStudio=true"]
        );
        using var read = JsonDocument.Parse(items);
        var inputs = read
            .RootElement.GetProperty("Items")
            .GetProperty("UpToDateCheckInput")
            .EnumerateArray()
            .Select(i => i.GetProperty("Identity").GetString());
        Assert.Equal(
            ["posttraingate.yml", app.File("data/first.csv"), app.File("model.onnx"), app.File("posttraingate.yml")],
            inputs
        );
    }

    [Fact]
    public async Task Whatever_the_result_depends_on_brings_a_new_check()
    {
        var app = new ConsumerProject(packages, "Changes").WithGate();
        app.UseModel(right: true);
        (await app.BuildAsync()).Passed();

        File.SetLastWriteTimeUtc(app.File("posttraingate.yml"), DateTime.UtcNow);
        (await app.BuildAsync()).Passed();

        app.WriteData("first", 2); // replaced by an older file, as a move or an archive does
        File.SetLastWriteTimeUtc(app.File("data/first.csv"), DateTime.UtcNow.AddYears(-1));
        (await app.BuildAsync()).Passed();
        (await app.BuildAsync()).Skipped();

        app.WriteData("second", 3); // a new file that matches the pattern
        File.SetLastWriteTimeUtc(app.File("data/second.csv"), DateTime.UtcNow.AddYears(-1));
        (await app.BuildAsync()).Passed();

        app.Write("data/notes.txt", "does not match");
        (await app.BuildAsync()).Skipped();
        (await app.BuildAsync("-p:PostTrainGateArguments=--no-repair")).Passed();

        (await app.DotnetAsync(["clean"])).Ignored();
        Assert.Empty(Directory.GetFiles(app.File("obj"), "*posttraingate*"));
        (await app.BuildAsync()).Passed();
    }

    [Fact]
    public async Task Every_input_is_attacked_where_the_build_asks_for_it()
    {
        var app = new ConsumerProject(packages, "Full").WithGate(
            "robust_accuracy: { attack: pgd, epsilon: 0.05, min: 0.3 }"
        );
        app.UseModel(right: true);
        (await app.BuildAsync()).Passed();
        var (inputs, of) = Attacked();
        Assert.Equal(180, of); // the test split of 600 rows
        Assert.InRange(inputs, 1, of - 1);

        (await app.BuildAsync("-p:PostTrainGateFull=true")).Passed();
        Assert.Equal((180, 180), Attacked());
        (await app.BuildAsync("-p:PostTrainGateFull=true")).Skipped();

        (int Inputs, int Of) Attacked()
        {
            using var result = JsonDocument.Parse(File.ReadAllText(app.File("posttraingate-report/gate-result.json")));
            var attacked = result.RootElement.GetProperty("gates")[0].GetProperty("original").GetProperty("attacked");
            return (attacked.GetProperty("inputs").GetInt32(), attacked.GetProperty("of").GetInt32());
        }
    }

    [Fact]
    public async Task A_failing_gate_is_a_warning_where_the_build_says_so()
    {
        var app = new ConsumerProject(packages, "Advisory").WithGate();
        Assert.Contains((await app.BuildAsync()).Errors, e => e.Code == "PTG4001");
        var advisory = await app.BuildAsync("-p:PostTrainGateSeverity=warning");
        Assert.Empty(advisory.Errors);
        Assert.Contains(advisory.Warnings, w => w.Code == "PTG4001");
        string[] strict = ["-p:PostTrainGateSeverity=warning", "-p:MSBuildTreatWarningsAsErrors=true"];
        Assert.Contains((await app.BuildAsync(strict)).Errors, e => e.Code == "PTG4001");
        var spared = await app.BuildAsync([.. strict, "-p:WarningsNotAsErrors=PTG4001"]);
        Assert.Empty(spared.Errors);
        Assert.Contains(spared.Warnings, w => w.Code == "PTG4001");
        var silent = await app.BuildAsync([.. strict, "-p:NoWarn=PTG4001"]);
        Assert.Empty(silent.Errors);
        Assert.DoesNotContain(silent.Warnings, w => w.Code == "PTG4001");
    }

    [Fact]
    public async Task A_history_that_cannot_be_read_is_a_warning_and_no_more()
    {
        var app = new ConsumerProject(packages, "History").WithGate();
        app.UseModel(right: true);
        var build = await app.BuildAsync("-p:PostTrainGateHistory=nowhere");
        Assert.True(build.Succeeded, build.Output);
        var warning = Assert.Single(build.Warnings);
        Assert.Equal("PTG6006", warning.Code);
        Assert.Contains("nowhere", warning.File, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_base_keeps_the_bar_that_a_change_lowers()
    {
        var app = new ConsumerProject(packages, "Base").WithGate();
        foreach (
            string[] step in new[]
            {
                ["init", "-q", "-b", "main"],
                ["add", "posttraingate.yml", "model.onnx", "data"],
                (string[])["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "base"],
            }
        )
        {
            using var git = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo("git", step) { WorkingDirectory = app.Folder }
            )!;
            await git.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, git.ExitCode);
        }

        var policy = File.ReadAllText(app.File("posttraingate.yml"));
        app.Write("posttraingate.yml", policy.Replace("min: 0.9", "min: 0", StringComparison.Ordinal));
        (await app.BuildAsync()).Passed();
        Assert.Contains((await app.BuildAsync("-p:PostTrainGateBase=main")).Errors, e => e.Code == "PTG4001");
        Assert.Contains((await app.BuildAsync("-p:PostTrainGateBase=nowhere")).Errors, e => e.Code == "PTG6004");
    }

    [Fact]
    public async Task What_changes_during_a_check_is_checked_by_the_next_build()
    {
        var app = new ConsumerProject(packages, "During").WithGate();
        app.UseModel(right: true);
        var inputs = app.File("obj/App.csproj.posttraingate.inputs");
        var first = await app.DotnetAsync(["build"], async build =>
        {
            while (!File.Exists(inputs) && !build.HasExited)
                await Task.Delay(20, TestContext.Current.CancellationToken);
            File.SetLastWriteTimeUtc(app.File("model.onnx"), DateTime.UtcNow);
        });
        first.Passed();
        (await app.BuildAsync()).Passed();
        (await app.BuildAsync()).Skipped();
    }

    [Fact]
    public async Task A_project_of_several_frameworks_is_checked_once_and_for_itself_only()
    {
        var library = new ConsumerProject(packages, "Library", "net10.0;netstandard2.0", "Library").WithGate();
        (await library.BuildAsync()).Failed();
        library.UseModel(right: true);
        (await library.BuildAsync("-f", "net10.0")).Passed();
        (await library.DotnetAsync(["msbuild", "-t:Rebuild", "-m:2"])).Passed(); // both frameworks at a time

        // The policy beside this project is nobody's: build assets of a package do not pass through a reference.
        var app = new ConsumerProject(
            packages,
            "Reference",
            reference: null,
            items: """<ProjectReference Include="../Library/Library.csproj" />"""
        ).WithGate();
        File.Delete(library.File("obj/Library.csproj.posttraingate.result"));
        (await app.BuildAsync()).Passed();
    }

    [Fact]
    public async Task What_is_built_and_published_is_what_it_is_without_the_package()
    {
        // The web SDK publishes more of what lies in a project's folder than the others do.
        const string sdk = "Microsoft.NET.Sdk.Web";
        var without = new ConsumerProject(packages, "Without", reference: null, sdk: sdk);
        (await without.DotnetAsync(["publish"])).Ignored();
        var with = new ConsumerProject(packages, "With", reference: "PrivateAssets=\"all\"", sdk: sdk).WithGate();
        with.UseModel(right: true);
        (await with.DotnetAsync(["publish"])).Passed();
        Assert.True(File.Exists(with.File("posttraingate-report/gate-result.json")));
        (await with.DotnetAsync(["publish"])).Skipped(); // now the report is there
        Assert.Equal(without.Output(), with.Output());
    }

    [Fact]
    public async Task Nothing_happens_without_a_policy_or_when_switched_off_or_in_a_design_time_build()
    {
        var app = new ConsumerProject(packages, "Idle");
        (await app.BuildAsync()).Ignored();

        app.WithGate();
        (await app.BuildAsync("-p:PostTrainGateEnabled=false")).Ignored();
        (await app.DotnetAsync(["msbuild", "-t:Build", "-p:DesignTimeBuild=true"])).Ignored();
        (
            await app.DotnetAsync([
                "msbuild",
                "-t:Compile",
                "-p:DesignTimeBuild=true",
                "-p:BuildingInsideVisualStudio=true",
                "-p:SkipCompilerExecution=true",
                "-p:ProvideCommandLineArgs=true",
            ])
        ).Ignored();
        (await app.DotnetAsync(["restore"])).Ignored();
    }
}
