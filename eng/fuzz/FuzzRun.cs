using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using PostTrainGate.Foundation;

namespace PostTrainGate.Fuzz;

/// <summary>What a target made of many inputs.</summary>
/// <param name="Target">Its name.</param>
/// <param name="Inputs">Number of inputs read.</param>
/// <param name="Accepted">Of these, read to the end.</param>
/// <param name="Refused">Of these, refused, by the code of the first diagnostic.</param>
/// <param name="Failures">Why an input is a fault, and where it is kept.</param>
/// <param name="Seconds">Time of the run.</param>
/// <param name="Slowest">Time of the slowest input.</param>
/// <param name="PeakBytes">Most memory of the process while it ran.</param>
internal sealed record FuzzResult(
    string Target,
    long Inputs,
    long Accepted,
    IReadOnlyDictionary<string, long> Refused,
    IReadOnlyList<string> Failures,
    double Seconds,
    TimeSpan Slowest,
    long PeakBytes
);

/// <summary>Reads many inputs of one target, as many at a time as there are processors.</summary>
/// <param name="target">The target.</param>
/// <param name="seed">Input number i of a target is the same for the same seed.</param>
/// <param name="folder">Where inputs that are faults are kept, by their hash.</param>
internal sealed class FuzzRun(FuzzTarget target, int seed, string folder)
{
    private const int MostFailures = 50;

    private readonly ConcurrentDictionary<string, long> _refused = new();
    private readonly ConcurrentDictionary<string, string> _failures = new();
    private readonly (byte[]? Input, long Since)[] _current = new (byte[]?, long)[target.Threads];
    private long _next,
        _accepted,
        _slowest,
        _peak;

    /// <summary>Runs; ends the process where a reader is stuck, after saying with which input.</summary>
    /// <param name="inputs">How many.</param>
    public FuzzResult Run(long inputs)
    {
        var clock = Stopwatch.StartNew();
        using var watch = new Timer(_ => Watch(), null, 0, 100);
        var threads = Enumerable
            .Range(0, target.Threads)
            .Select(i => new Thread(() => Work(i, inputs), 16 << 20))
            .ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        return new(
            target.Name,
            Math.Min(_next, inputs),
            _accepted,
            _refused,
            [.. _failures.Values.Order(StringComparer.Ordinal)],
            clock.Elapsed.TotalSeconds,
            TimeSpan.FromTicks(_slowest),
            _peak
        );
    }

    private void Work(int thread, long inputs)
    {
        // Memory, where there is a folder of it: no disk could keep up.
        var place = Path.Combine(
            Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(),
            $"fuzz-{target.Name}-{Guid.NewGuid():N}"
        );
        Directory.CreateDirectory(place);
        try
        {
            var read = target.Open(place);
            for (long i; (i = Interlocked.Increment(ref _next) - 1) < inputs && _failures.Count < MostFailures; )
            {
                var random = new Random(HashCode(seed, target.Name, i));
                var input = random.Next(3) == 0 ? target.Generate(random) : Mutation.Of(target, random);
                _current[thread] = (input, Stopwatch.GetTimestamp());
                var started = Stopwatch.GetTimestamp();
                Judge(() => read(input), input);
                var time = Stopwatch.GetElapsedTime(started);
                _current[thread] = default;
                if (time > target.Bound)
                    Fail(input, $"took {time.TotalSeconds:0.0} s");
                for (long known; time.Ticks > (known = Volatile.Read(ref _slowest)); )
                    Interlocked.CompareExchange(ref _slowest, time.Ticks, known);
            }
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    private void Judge(Action read, byte[] input)
    {
        try
        {
            read();
            Interlocked.Increment(ref _accepted);
        }
        catch (GateException refused) when (refused.Diagnostics.All(d => d.Code.Length == 7 && d.Message.Length > 0))
        {
            _refused.AddOrUpdate(refused.Diagnostics[0].Code, 1, (_, n) => n + 1);
        }
        catch (Exception fault)
        {
            var at = fault
                .StackTrace?.Split('\n')
                .FirstOrDefault(l => l.Contains("PostTrainGate", StringComparison.Ordinal))
                ?.Trim();
            Fail(input, $"{fault.GetType().Name}: {fault.Message.Split('\n')[0]} {at}");
        }
    }

    // One input a fault: others of the same are the same fault.
    private void Fail(byte[] input, string why)
    {
        if (_failures.ContainsKey(why))
            return;
        var path = Path.Combine(folder, $"{target.Name}-{Convert.ToHexStringLower(SHA256.HashData(input))[..16]}");
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(path, input);
        _failures.TryAdd(why, $"{path}: {why}");
    }

    private void Watch()
    {
        using var process = Process.GetCurrentProcess();
        _peak = Math.Max(_peak, process.WorkingSet64);
        foreach (var (input, since) in _current)
        {
            if (input is null || Stopwatch.GetElapsedTime(since) < target.Bound * 3)
                continue;
            Fail(input, $"no end after {target.Bound.TotalSeconds * 3:0} s");
            Console.Error.WriteLine(_failures.Values.Last());
            Environment.Exit(1);
        }
    }

    // The same on every machine, unlike System.HashCode.
    private static int HashCode(int seed, string name, long number)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.ASCII.GetBytes(name))
            hash = (hash ^ b) * 1099511628211UL;
        hash = (hash ^ (uint)seed) * 1099511628211UL;
        hash = (hash ^ (ulong)number) * 1099511628211UL;
        return (int)(hash ^ (hash >> 32));
    }
}
