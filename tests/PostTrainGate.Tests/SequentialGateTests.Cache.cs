using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public sealed partial class SequentialGateTests
{
    [Theory]
    [InlineData(Norm.Linf, 2)]
    [InlineData(Norm.L2, 1)]
    [InlineData(Norm.L1, 1)]
    public void Whatever_the_cache_holds_no_row_is_broken_that_no_attack_can_break(Norm norm, int least)
    {
        // Sums of three integers against a threshold at 0: within 0.5 of each value a sum moves by 1.5, 0.87 (L2) or
        // 0.5 (L1).
        var numbers = Enumerable.Range(0, 360).Select(i => i * 7 % 11 - 5f).ToArray();
        using var scope = NewDisposeScope();
        var inputs = tensor(numbers).reshape(-1, 3);
        using var set = new EvaluationSet(
            inputs.alias(),
            inputs.sum(1).gt(Scalars.Get(0)).to(int64),
            ["no", "yes"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        var truth = numbers.Chunk(3).Count(row => Math.Abs(row.Sum()) >= least) / 120.0;
        var (settings, plan) = (Pgd with { Norm = norm }, new AttackPlan { Full = true, Cache = Cache("cache") });

        // A model that any change fools leaves an example of every row; then something else stands in its place.
        using var brittle = new FunctionClassifier(
            [3],
            2,
            x =>
            {
                var z =
                    (x.round().sum(1, keepdim: true).gt(Scalars.Get(0)).to(float32) * 2 - 1)
                    * (1 - 2 * (x - x.round()).abs().amax([1], keepdim: true).gt(Scalars.Get(1e-3)).to(float32));
                return cat([-z, z], 1);
            },
            Wide
        );
        Assert.Equal(0, Measure(brittle, set, settings with { RandomStart = true }, 0.5, plan).Value);
        var examples = Directory.GetFiles(_folder.Path("cache/examples"), "*", SearchOption.AllDirectories);
        Assert.Equal(numbers.Chunk(3).DistinctBy(row => (row[0], row[1], row[2])).Count(), examples.Length);

        using var model = Threshold(0, width: 3);
        byte[][] contents =
        [
            [],
            [1],
            new byte[11],
            new byte[12],
            new byte[13],
            [.. Enumerable.Repeat((byte)0xFF, 12)],
            new byte[1 << 20],
            .. new[]
            {
                float.MaxValue,
                -float.MaxValue,
                float.NaN,
                float.PositiveInfinity,
                float.NegativeInfinity,
                1e19f,
                -100,
                1e-40f,
            }.Select(value => Enumerable.Repeat(BitConverter.GetBytes(value), 3).SelectMany(b => b).ToArray()),
        ];
        foreach (var content in contents)
        {
            foreach (var file in examples)
                File.WriteAllBytes(file, content);
            // Steps are sealed and would be found again: another key, and they are not there.
            var afresh = plan with { Cache = new RunCache(_folder.Path("cache"), keyFile: null) };
            var measured = Measure(model, set, settings, 0.5, afresh);
            Assert.Equal(truth, measured.Value);
            Assert.Equal(0, measured.Attacked!.BrokenByKept);
        }
    }

    [Fact]
    public void Links_pipes_and_folders_in_the_cache_are_not_there()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var model = Threshold();
        using var set = Set([.. Enumerable.Range(0, 100).Select(i => i * 0.02f)]);
        var plan = new AttackPlan { Full = true, Cache = Cache("cache") };
        var truth = Measure(model, set, Pgd, 0.5, plan);
        var files = Directory.GetFiles(_folder.Path("cache/examples"), "*", SearchOption.AllDirectories);
        foreach (var (i, file) in files.Index())
        {
            File.Delete(file);
            if (i % 3 == 0)
                Processes.Run("mkfifo", [file]);
            else if (i % 3 == 1)
                Directory.CreateDirectory(file);
            else
                File.CreateSymbolicLink(file, "/dev/zero");
        }

        Assert.Equal(
            truth.Value,
            Measure(model, set, Pgd, 0.5, plan with { Cache = new(_folder.Path("cache"), keyFile: null) }).Value
        );
    }

    [Fact]
    public void A_step_is_believed_with_this_users_seal_only()
    {
        var cache = Cache("cache");
        var (name, other) = (Hash.Compute(w => w.Write(1)), Hash.Compute(w => w.Write(2)));
        cache.KeepStep(name, [1, 2, 3]);
        cache.KeepStep(other, [4, 5, 6]);
        Assert.Equal([1, 2, 3], Cache("cache").Step(name));
        string Place(string of) => _folder.Path($"cache/steps/{of[..2]}/{of[2..]}");
        var (file, otherFile) = (Place(name), Place(other));
        var bytes = File.ReadAllBytes(file);
        for (var i = 0; i < bytes.Length; i++)
        {
            File.WriteAllBytes(file, [.. bytes.Select((b, j) => i == j ? (byte)(b ^ 1) : b)]);
            Assert.Null(cache.Step(name));
            File.WriteAllBytes(file, bytes[..i]);
            Assert.Null(cache.Step(name));
        }

        File.Copy(otherFile, file, overwrite: true); // another's step under this name
        Assert.Null(cache.Step(name));
        File.WriteAllBytes(file, bytes);
        Assert.NotNull(cache.Step(name));
        Assert.Null(new RunCache(_folder.Path("cache"), _folder.Path("another key")).Step(name));
        Assert.Null(new RunCache(_folder.Path("cache"), keyFile: null).Step(name));
        if (!OperatingSystem.IsWindows())
        {
            // As a checkout would bring it.
            File.SetUnixFileMode(
                _folder.Path("key"),
                AtomicFile.Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead
            );
            Assert.Null(Cache("cache").Step(name));
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_written_stops_nothing()
    {
        using var model = Threshold();
        using var set = Set([.. Enumerable.Range(0, 100).Select(i => i * 0.02f)]);
        _folder.Write("file", "");
        var plan = new AttackPlan { Full = true, Cache = Cache("file/below") };
        Assert.Equal(
            Measure(model, set, Pgd, 0.5, new() { Full = true }).Value,
            Measure(model, set, Pgd, 0.5, plan).Value
        );
        plan.Cache!.Trim();
        Assert.Equal(0, plan.Cache.Kept);
    }

    [Fact]
    public void The_folder_stays_small_out_of_git_and_of_what_is_not_its_own()
    {
        var cache = Cache("cache");
        string[] names = [.. Enumerable.Range(0, 10).Select(i => Hash.Compute(w => w.Write(i)))];
        foreach (var (i, name) in names.Index())
        {
            cache.KeepExample(name, new byte[100]);
            File.SetLastWriteTimeUtc(
                _folder.Path($"cache/examples/{name[..2]}/{name[2..]}"),
                DateTime.UtcNow.AddHours(i - 20)
            );
        }

        Assert.Equal("*\n", File.ReadAllText(_folder.Path("cache/.gitignore")));
        var precious = _folder.Write("elsewhere/aa/precious", new string('x', 5000));
        var own = _folder.Write("cache/notes.txt", new string('x', 5000));
        if (!OperatingSystem.IsWindows())
            Directory.CreateSymbolicLink(_folder.Path("cache/steps"), _folder.Path("elsewhere"));
        if (!OperatingSystem.IsWindows())
            Directory.CreateSymbolicLink(_folder.Path("cache/examples/zz"), _folder.Path("elsewhere/aa"));
        cache.Trim(450);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => i >= 6), names.Select(n => cache.Example(n, 100) is not null));
        Assert.True(File.Exists(precious) && File.Exists(own));
    }
}
