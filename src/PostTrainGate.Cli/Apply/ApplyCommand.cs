using System.CommandLine;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.Output;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using Spectre.Console;

namespace PostTrainGate.Cli.Apply;

/// <summary><c>posttraingate apply</c>: the repaired model of the last run takes the model's place.</summary>
internal sealed class ApplyCommand(CliHost host)
{
    /// <summary>The command.</summary>
    public static Command Command(CliHost host)
    {
        var report = new Argument<string>("report")
        {
            Description = "A folder of reports, a gate-result.json, or a policy with its report; default: here.",
            DefaultValueFactory = _ => ".",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var force = new Option<bool>("--force") { Description = "Replace a model that changed since the run, too." };
        var command = new Command("apply", "Puts the repaired model of the last run in the model's place.")
        {
            report,
            force,
        };
        command.SetAction(
            (parsed, cancel) =>
                Task.FromResult(
                    Failures.Guard(
                        host,
                        () => new ApplyCommand(host).Run(parsed.GetValue(report) ?? ".", parsed.GetValue(force)),
                        cancel
                    )
                )
        );
        return command;
    }

    private int Run(string report, bool force)
    {
        var run = LastRun.Find(report)
            ?? throw LastRun.Wrong(report, "There is no report of a run here; run 'posttraingate check' first.");
        if (run.Result is not { Model: { } gated, Repair: { Output: { } output, Sha256: { } hash } repair })
            throw LastRun.Wrong(
                run.File,
                $"The last run proposes no repaired model. {run.Result.Repair?.Reason ?? "It did not repair."}".Trim()
            );
        if (run.Policy.Model is not { } model || model.Text != gated.File)
            throw LastRun.Wrong(
                run.Policy.File,
                $"The policy names another model than the run, which gated {Wording.Quote(gated.File)}; "
                    + "run 'posttraingate check' again."
            );
        var repaired = Repaired(run, output);
        if (Hash.ComputeFile(repaired) != hash)
            throw LastRun.Wrong(
                repaired,
                "This is not the repaired model that the report is about (another SHA-256); "
                    + "run 'posttraingate check' again."
            );
        if (OnnxFile.ExternalFiles(repaired).Any())
            throw LastRun.Wrong(
                repaired,
                "The repaired model keeps its weights in a second file, which it names; it cannot be renamed. "
                    + $"Set 'model: {output}' in the policy instead."
            );
        var target = RealPaths.Follow(model.FullPath) ?? model.FullPath; // a link stays one
        if (File.Exists(target))
        {
            var now = Hash.ComputeFile(target);
            if (now == hash)
            {
                host.Out.WriteLine($"{model.Text} is the repaired model already. {Next(run)}");
                return 0;
            }

            RefuseChanged(target, now == gated.Sha256, force);
        }

        Replace(target, repaired);
        Show(run, repair, model.Text);
        return 0;
    }

    // The report may have come as an artifact, with the model beside it.
    private static string Repaired(LastRun run, string output)
    {
        var folder = Path.GetFullPath(run.Policy.Folder);
        var places = new[]
        {
            Path.GetFullPath(Path.Combine(folder, output)),
            Path.Combine(Path.GetDirectoryName(Path.GetFullPath(run.File))!, Path.GetFileName(output)),
        };
        return places.FirstOrDefault(p => File.Exists(p) && !SpecialFile.Is(p))
            ?? throw LastRun.Wrong(
                run.File,
                $"The repaired model {Wording.Quote(output)} is no longer there; run 'posttraingate check' again."
            );
    }

    private static void RefuseChanged(string target, bool isGated, bool force)
    {
        if (new FileInfo(target).Length <= 1024 && LargeFile.Pointer(File.ReadAllBytes(target)) is not null)
            throw LastRun.Wrong(
                target,
                "This is a Git LFS pointer, not the model; run 'git lfs pull' first, so that the repaired model "
                    + "is stored by Git LFS too."
            );
        if (!isGated && !force)
            throw LastRun.Wrong(
                target,
                "The model changed since the run, so the report is not about it; run 'posttraingate check' again, "
                    + "or replace it all the same with '--force'."
            );
    }

    private static void Replace(string target, string repaired)
    {
        var mode =
            OperatingSystem.IsWindows() || !File.Exists(target) ? default(UnixFileMode?) : File.GetUnixFileMode(target);
        AtomicFile.Write(target, stream =>
        {
            using var source = File.OpenRead(repaired);
            source.CopyTo(stream);
        });
        if (mode is { } given && !OperatingSystem.IsWindows())
            File.SetUnixFileMode(target, given);
    }

    private void Show(LastRun run, RepairSummary repair, string model)
    {
        var output = Terminal.Out(host);
        output.Say($"{model} is the repaired model now ({repair.Method}).", Color.Green);
        foreach (var gate in run.Result.Gates.Where(g => g.Repaired is not null))
            output.Say($"  {gate.Title}: {GateText.Value(gate.Original)} -> {GateText.Value(gate.Repaired!)}");
        output.Say(Next(run));
    }

    private static string Next(LastRun run)
    {
        var policy = run.Policy.File;
        return $"Next: posttraingate check {(policy == Reading.PolicyReader.FileName ? "" : policy)}".TrimEnd();
    }
}
