using System.Collections.Concurrent;
using System.Diagnostics;
using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// How far an attack on a batch is, written down between its stages: parts of AutoAttack, restarts, targets, queries. A
/// stage begins from the rows that still stand and the state of the random numbers, and nothing else, so that an attack
/// that was stopped goes on from the last one written down and finds what it would have found.
/// </summary>
internal sealed class AttackLog
{
    private readonly RunCache _cache;
    private readonly string _name;
    private readonly TimeSpan _interval;
    private readonly Stopwatch _since = Stopwatch.StartNew();
    private readonly List<int> _path = []; // the stage of each level, the outermost first
    private readonly int[] _reached = [];
    private BinaryReader? _rest; // of what was written down: null once the attack goes on by itself

    private AttackLog(RunCache cache, string name, TimeSpan interval)
    {
        (_cache, _name, _interval) = (cache, name, interval);
        if (cache.Step(name) is not { } written)
            return;
        _rest = new(new MemoryStream(written));
        _reached = [.. Enumerable.Range(0, _rest.ReadInt32()).Select(_ => _rest.ReadInt32())];
    }

    private void Write(int depth, Generator random, ActiveBatch rows, ActiveBatch.Kept[] own)
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        using var content = new BinaryWriter(stream);
        content.Write(depth);
        foreach (var stage in _path.Take(depth))
            content.Write(stage);
        rows.Write(content);
        content.Write(random.get_state().bytes);
        foreach (var kept in own)
            content.Write(Bytes(kept));
        _cache.KeepStep(_name, stream.ToArray());
        _since.Restart();
    }

    private static ReadOnlySpan<byte> Bytes(ActiveBatch.Kept kept) => kept.Value.contiguous().cpu().bytes;

    /// <summary>One level of an attack's stages, which follow each other from <see cref="First"/> on.</summary>
    internal sealed class Level : IDisposable
    {
        private readonly AttackLog? _log;
        private readonly Generator _random;
        private readonly ActiveBatch _rows;
        private readonly ActiveBatch.Kept[] _own;
        private readonly int _depth;

        /// <summary>Enters a level.</summary>
        /// <param name="log">Null: nothing is written down.</param>
        /// <param name="random">What the attack draws from.</param>
        /// <param name="rows">The rows; those that broke earlier leave.</param>
        /// <param name="own">What a stage leaves to the next one for each row that stands.</param>
        public Level(AttackLog? log, Generator random, ActiveBatch rows, ActiveBatch.Kept[] own)
        {
            (_log, _random, _rows, _own) = (rows.IsWhole ? log : null, random, rows, own);
            if (_log is null)
                return;
            _depth = _log._path.Count;
            var path = _log._reached;
            if (_log._rest is not { } rest || path.Length <= _depth || !_log._path.SequenceEqual(path.Take(_depth)))
            {
                _log._path.Add(0);
                return;
            }

            _log._path.Add(First = path[_depth]);
            if (_depth == 0)
                rows.Read(rest);
            if (_depth < path.Length - 1)
                return;
            Resume(rest);
            rest.Dispose();
            _log._rest = null;
        }

        /// <summary>The first stage to run.</summary>
        public int First { get; }

        /// <summary>A stage is over.</summary>
        /// <param name="next">The one after it.</param>
        public void Passed(int next)
        {
            if (_log is null)
                return;
            _log._path[_depth] = next;
            if (_log._since.Elapsed >= _log._interval)
                _log.Write(_depth + 1, _random, _rows, _own);
        }

        /// <inheritdoc/>
        public void Dispose() => _log?._path.RemoveAt(_depth);

        private void Resume(BinaryReader rest)
        {
            using var state = _random.get_state();
            rest.BaseStream.ReadExactly(state.bytes);
            _random.set_state(state);
            foreach (var kept in _own)
            {
                var value = empty_like(kept.Value, device: CPU);
                rest.BaseStream.ReadExactly(value.bytes);
                kept.Value = value.On(kept.Value);
            }
        }
    }

    /// <summary>The logs of the batches of one attack.</summary>
    /// <param name="cache">Where they are.</param>
    /// <param name="name">Of the attack: a hash of all that its outcome depends on.</param>
    internal sealed class Book(RunCache cache, string name)
    {
        private readonly ConcurrentBag<string> _names = [];

        /// <summary>The shortest time between two entries.</summary>
        public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(3);

        /// <summary>The log of a batch.</summary>
        public AttackLog Of(int restart, int batch)
        {
            var of = Hash.Compute(content =>
            {
                content.Write($"log 1 {restart} {batch}");
                content.Write(name);
            });
            _names.Add(of);
            return new(cache, of, Interval);
        }

        /// <summary>Removes what the outcome makes superfluous.</summary>
        public void Close()
        {
            foreach (var of in _names)
                cache.DropStep(of);
        }
    }
}
