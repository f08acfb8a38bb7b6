using System.Globalization;
using PostTrainGate.Foundation;

namespace PostTrainGate.Fuzz;

/// <summary>
/// <c>dotnet run --project eng/fuzz -c Release -- all|TARGET [--inputs N] [--seed S] [--folder DIR] [--read FILE]</c>:
/// reads N inputs (of all targets together, each its share), prints what became of them, and keeps those that are
/// faults.
/// </summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        var options = args.Skip(1).Chunk(2).Where(o => o.Length == 2).ToDictionary(o => o[0], o => o[1]);
        var named = args.Length == 0 ? [] : Targets.All.Where(t => args[0] == "all" || args[0] == t.Name).ToArray();
        if (named.Length == 0 || options.Keys.Except(["--inputs", "--seed", "--folder", "--read"]).Any())
        {
            Console.Error.WriteLine(
                $"usage: all|{string.Join('|', Targets.All.Select(t => t.Name))} [--inputs N] [--seed S] [--folder "
                    + "DIR] [--read FILE]"
            );
            return 2;
        }

        var inputs = long.Parse(options.GetValueOrDefault("--inputs", "100000"), CultureInfo.InvariantCulture);
        var seed = int.Parse(options.GetValueOrDefault("--seed", "1"), CultureInfo.InvariantCulture);
        var folder = Path.GetFullPath(options.GetValueOrDefault("--folder", "fuzz-failures"));
        if (options.TryGetValue("--read", out var file))
            return Read(named[0], file);
        Console.WriteLine("| target | inputs | inputs/s | accepted | refused | slowest | peak memory | faults |");
        Console.WriteLine("| --- | --: | --: | --: | --- | --: | --: | --: |");
        var faults = 0;
        foreach (var target in named)
        {
            var result = new FuzzRun(target, seed, folder).Run(
                Math.Max(1, inputs * target.Share / named.Sum(t => t.Share))
            );
            Console.WriteLine(Line(result));
            foreach (var failure in result.Failures)
                Console.Error.WriteLine(failure);
            faults += result.Failures.Count;
        }

        return faults == 0 ? 0 : 1;
    }

    private static string Line(FuzzResult r)
    {
        var refused = string.Join(
            ", ",
            r.Refused.OrderByDescending(c => c.Value).Select(c => FormattableString.Invariant($"{c.Key} {c.Value:N0}"))
        );
        return FormattableString.Invariant(
                $"| {r.Target} | {r.Inputs:N0} | {r.Inputs / r.Seconds:N0} | {r.Accepted:N0} | {refused} | "
            )
            + FormattableString.Invariant(
                $"{r.Slowest.TotalSeconds:0.00} s | {r.PeakBytes >> 20} MB | {r.Failures.Count} |"
            );
    }

    // One input again, with all that is thrown.
    private static int Read(FuzzTarget target, string file)
    {
        var place = Directory.CreateTempSubdirectory("fuzz-").FullName;
        try
        {
            target.Open(place)(File.ReadAllBytes(file));
            Console.WriteLine("accepted");
        }
        catch (GateException refused)
        {
            foreach (var diagnostic in refused.Diagnostics)
                Console.WriteLine(diagnostic);
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }

        return 0;
    }
}
